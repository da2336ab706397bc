/**
 * The requests of one causal session, in order. A session is a sequence: two requests with one token at a time would
 * give two tokens, and each would lack what the other saw.
 */
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

  /** Goes on with this token after a request; undefined begins anew. */
  continueWith(token: string | undefined): void {
    this.#token = token
  }

  /** Waits for the earlier requests, within the budget. Resolves with the function that lets the next one begin. */
  async turn(sender: Sender, budget: Budget, what: string): Promise<() => void> {
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
