/**
 * Sends the messages of one attempt of consensus (core/consensus/proposer.ts), and gives the replies to the proposer.
 *
 * After a refusal an attempt waits only a moment for the other acceptors. The refusal shows that there is a higher
 * ballot, and an acceptor without power does not reply before the deadline. So the attempt is abandoned early: the next
 * one, with a still higher ballot, may reach a majority without that acceptor.
 */
import type { AcceptorReply } from '../../core/consensus/acceptor.ts'
import type {
  Proposer,
  ProposerMessage,
  ProposerResult,
  ProposerStep,
} from '../../core/consensus/proposer.ts'

/** One of them is called, once, for each question. */
export interface ReplyTakers<T> {
  readonly replied: (reply: AcceptorReply<T>) => void
  readonly unsent: () => void
  readonly lost: () => void
}

/** From the first refusal in a phase on, the other acceptors have so long to answer. */
const AFTER_REFUSAL_MS = 100

/** Rejects with what the change throws; nothing was proposed then. */
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
