/**
 * An async iterator whose `return` also ends a `next` that waits. `return` of an async generator waits for `next`
 * instead, which may never end.
 */

export class StoppableIterator<T> implements AsyncIterableIterator<T, void, undefined> {
  readonly #stop = new AbortController()
  readonly #items: AsyncGenerator<T, void, undefined>

  /** Whatever the generator waits for must reject when `stop` aborts. */
  constructor(generate: (stop: AbortSignal) => AsyncGenerator<T, void, undefined>) {
    this.#items = generate(this.#stop.signal)
  }

  async next(): Promise<IteratorResult<T, void>> {
    try {
      // An item that came before the stop is told: a cursor of the generator may count it as told.
      return await this.#items.next()
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
      return { done: true, value: undefined }
    }
  }

  /** Idempotent. */
  async return(): Promise<IteratorResult<T, void>> {
    this.#stop.abort()
    return this.#items.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
