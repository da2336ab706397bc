/** A causal session of its own. It has the buckets of the client; each request at any level belongs to it. */
import { Handles } from './handles.ts'
import type { RequestParts } from './key-requests.ts'
import { SessionChain } from './session-chain.ts'

export class Session extends Handles {
  readonly #chain: SessionChain

  /** `token` continues a session from elsewhere. */
  constructor(parts: Omit<RequestParts, 'session'>, token: string | undefined) {
    const chain = new SessionChain(true, token)
    super({ ...parts, session: chain })
    this.#chain = chain
  }

  /** What the session has seen, for another process; undefined before its first answer. */
  get token(): string | undefined {
    return this.#chain.token
  }
}
