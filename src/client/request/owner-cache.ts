/**
 * Which node coordinated the last write of each key. For strong keys, counters and sets that is an owner of the key.
 * Asked first, it need not forward the request. If the cache is wrong, a request takes one more hop.
 */

/** The memory of a client is bounded, however many keys it uses. */
const KEYS_MAX = 1000

export class OwnerCache {
  /** In the order of their last use. */
  readonly #nodes = new Map<string, string>()

  find(key: string): string | undefined {
    return this.#nodes.get(key)
  }

  learn(key: string, node: string | null): void {
    if (node === null) return
    this.#nodes.delete(key)
    this.#nodes.set(key, node)
    const [oldest] = this.#nodes.keys()
    if (this.#nodes.size > KEYS_MAX && oldest !== undefined) this.#nodes.delete(oldest)
  }
}
