/** A causal session of its own. It has the buckets of the client; each request at any level belongs to it. */
import { type BatchResults, runBatch } from './batch.ts'
import { Handles } from './handles.ts'
import type { CallOptions, RequestParts } from './key-requests.ts'
import { SessionChain } from './session-chain.ts'

export class Session extends Handles {
  readonly #chain: SessionChain
  readonly #parts: RequestParts

  /** `token` continues a session from elsewhere. */
  constructor(parts: Omit<RequestParts, 'session'>, token: string | undefined) {
    const chain = new SessionChain(true, token)
    const own = { ...parts, session: chain }
    super(own)
    this.#chain = chain
    this.#parts = own
  }

  /** What the session has seen, for another process; undefined before its first answer. */
  get token(): string | undefined {
    return this.#chain.token
  }

  /** As that of the client, in this session. */
  batch<const T extends readonly Promise<unknown>[]>(
    build: (batch: Handles) => T,
    options?: CallOptions,
  ): Promise<BatchResults<T>> {
    return runBatch(this.#parts, build, options)
  }
}
