/** Carries the questions of one attempt of consensus (core/consensus/proposer.ts) out, and the answers back in. */
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

/** Rejects with what the change throws; nothing was proposed then. */
export function runProposer<T, R>(
  proposer: Proposer<T, R>,
  ask: (to: string, message: ProposerMessage<T>, takers: ReplyTakers<T>) => void,
): Promise<ProposerResult<T, R>> {
  return new Promise((resolve, reject) => {
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
      } catch (error) {
        reject(error as Error)
      }
    }
    step(() => proposer.start())
  })
}
