/**
 * Sends the requests of several keys as one batch, so that many keys take one HTTP request. A batch leaves once every
 * key of the group waits for a request. A key whose request fails in a batch is restored again alone (restore.ts).
 */
import type { Handles } from '../client/handles.ts'
import type { Quorate } from '../client/quorate.ts'
import type { Ask } from './restored-key.ts'

interface Waiting {
  readonly request: (handles: Handles) => Promise<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

export class KeyGroup {
  readonly #client: Quorate
  readonly #signal: AbortSignal | undefined
  /** The number of keys that have not left. */
  #keys: number
  #waiting: Waiting[] = []

  constructor(client: Quorate, keys: number, signal: AbortSignal | undefined) {
    this.#client = client
    this.#signal = signal
    this.#keys = keys
  }

  /** Each key makes one request at a time. The batch bounds its requests, so they have no bounds of their own. */
  readonly ask: Ask = <T>(request: (handles: Handles, bounds: object) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        request: (handles) => request(handles, {}),
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
