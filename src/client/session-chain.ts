/**
 * The requests of one causal session, in order. A session is a sequence: two requests with one token at a time would
 * give two tokens, and each would lack what the other saw.
 */
import type { Answer } from './request/answer.ts'
import { RequestError } from './request/request-error.ts'
import type { Budget, Sender } from './request/sender.ts'

export class SessionChain {
  /** Whether requests of every level belong to the session, or those at `causal` alone. */
  readonly takesAll: boolean
  #token: string | undefined
  /** Settles when every earlier request has ended. */
  #last: Promise<void> = Promise.resolve()

  constructor(takesAll: boolean, token: string | undefined) {
    this.takesAll = takesAll
    this.#token = token
  }

  /** What the session has seen; undefined at its beginning. */
  get token(): string | undefined {
    return this.#token
  }

  /** Begins anew: the token is of another cluster. */
  forget(): void {
    this.#token = undefined
  }

  /** Sends a request in its turn, with the token of the session, and goes on with the token of the answer. */
  async run(
    sender: Sender,
    budget: Budget,
    what: string,
    send: (token: string | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    const leave = await this.#turn(sender, budget, what)
    try {
      const answer = await send(this.#token)
      // An answer without a token tells nothing new: a write at `weak`, or a bucket of another level.
      this.#token = answer.headers.get('quorate-session') ?? this.#token
      return answer
    } catch (error) {
      if (error instanceof RequestError && error.code === 'bad_session') this.forget()
      throw error
    } finally {
      leave()
    }
  }

  /** Waits for the earlier requests, within the budget. Resolves with the function that lets the next one begin. */
  async #turn(sender: Sender, budget: Budget, what: string): Promise<() => void> {
    const before = this.#last
    let leave = (): void => undefined
    const own = new Promise<void>((resolve) => {
      leave = resolve
    })
    this.#last = before.then(() => own)
    try {
      await sender.within(budget, what, before)
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }
}
