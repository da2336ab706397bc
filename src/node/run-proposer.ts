/**
 * Carries the questions of one attempt of consensus (core/consensus/proposer.ts) out, and the answers back in.
 *
 * After a refusal an attempt waits only a moment for the others. A higher ballot is about, and an acceptor whose machine
 * has lost its power answers nothing until the deadline: the next attempt, with a ballot that is higher still, can do
 * without it.
 */
import type { AcceptorReply } from '../core/consensus/acceptor.ts'
import type {
  Proposer,
  ProposerMessage,
  ProposerResult,
  ProposerStep,
} from '../core/consensus/proposer.ts'

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
    let hurried: 'prepare' | 'accept' | undefined
    const hurry = (): void => {
      const phase = proposer.refusedIn
      if (phase === undefined || phase === hurried) return
      hurried = phase
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
        else hurry()
      } catch (error) {
        reject(error as Error)
      }
    }
    step(() => proposer.start())
  })
}
