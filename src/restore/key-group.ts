/**
 * Sends the requests of several keys as one batch, whenever each of the keys waits for a request. A node then takes one
 * request of HTTP for many keys. What a batch cannot do is left to the keys one by one.
 */
import type { Handles } from '../client/handles.ts'
import type { Quorate } from '../client/quorate.ts'
import type { Ask } from './restored-key.ts'

interface Waiting {
  readonly request: (of: Handles) => Promise<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

export class KeyGroup {
  readonly #client: Quorate
  readonly #signal: AbortSignal | undefined
  /** How many keys have not left. */
  #keys: number
  #waiting: Waiting[] = []

  constructor(client: Quorate, keys: number, signal: AbortSignal | undefined) {
    this.#client = client
    this.#signal = signal
    this.#keys = keys
  }

  /** Each key makes one request at a time. A batch bounds its requests itself. */
  readonly ask: Ask = <T>(request: (of: Handles, bounds: object) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        request: (of) => request(of, {}),
        resolve: resolve as (answer: unknown) => void,
        reject,
      })
      this.#sendIfComplete()
    })

  /** The key makes no more requests here. */
  leave(): void {
    this.#keys--
    this.#sendIfComplete()
  }

  #sendIfComplete(): void {
    if (this.#waiting.length < this.#keys || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    void this.#send(waiting)
  }

  async #send(waiting: readonly Waiting[]): Promise<void> {
    try {
      const ends = await this.#client.batch(
        (batch) => waiting.map(({ request }) => request(batch)),
        { signal: this.#signal },
      )
      for (const [i, end] of ends.entries()) {
        if (end.status === 'fulfilled') waiting[i]?.resolve(end.value)
        else waiting[i]?.reject(end.reason)
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}
