/**
 * Sends the messages of one consensus attempt (core/consensus/proposer.ts), and passes the replies to the proposer.
 *
 * After a refusal an attempt waits only a moment for the other acceptors. The refusal shows that there is a higher
 * ballot, and an acceptor that is down does not reply before the deadline. So the attempt is abandoned early. The next
 * attempt has a still higher ballot, and may reach a majority without that acceptor.
 */
import type { AcceptorReply } from '../../core/consensus/acceptor.ts'
import type {
  Proposer,
  ProposerMessage,
  ProposerResult,
  ProposerStep,
} from '../../core/consensus/proposer.ts'

/** For each message one of these functions is called, once. */
export interface ReplyTakers<T> {
  readonly replied: (reply: AcceptorReply<T>) => void
  readonly unsent: () => void
  readonly lost: () => void
}

/** After the first refusal in a phase, the other acceptors have this long to answer. */
const AFTER_REFUSAL_MS = 100

/** Rejects with the error of the proposer's change function. Nothing was proposed then. */
export function runProposer<T, R>(
  proposer: Proposer<T, R>,
  ask: (to: string, message: ProposerMessage<T>, takers: ReplyTakers<T>) => void,
  after: (delayMs: number, task: () => void) => unknown,
): Promise<ProposerResult<T, R>> {
  return new Promise((resolve, reject) => {
    let refusedPhase: 'prepare' | 'accept' | undefined
    const abandonSoonIfRefused = (): void => {
      const phase = proposer.refusedIn
      if (phase === undefined || phase === refusedPhase) return
      refusedPhase = phase
      after(AFTER_REFUSAL_MS, () => {
        const result = proposer.refusedIn === phase ? proposer.abandon() : undefined
        if (result !== undefined) resolve(result)
      })
    }
    const step = (make: () => ProposerStep<T, R>): void => {
      try {
        const { send, result } = make()
        for (const { to, message } of send) {
          ask(to, message, {
            replied: (reply) => step(() => proposer.receive(to, reply)),
            unsent: () => step(() => proposer.unsent(to)),
            lost: () => step(() => proposer.lost(to)),
          })
        }
        if (result !== undefined) resolve(result)
        else abandonSoonIfRefused()
      } catch (error) {
        reject(error as Error)
      }
    }
    step(() => proposer.start())
  })
}
