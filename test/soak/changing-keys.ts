/** Clients that write and delete keys through all nodes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/random/seeded-random.ts'

const CLIENTS = 24
const DELETES_PERCENT = 10
/** Short, because a paused node would soon hold all clients up. */
const STORE_TIMEOUT_MS = 1000
const REQUEST_TIMEOUT_MS = 1500
/** Between the requests of a client, because the nodes have more to do than that. */
const PAUSE_MS = 25

export class ChangingKeys {
  /** Acknowledged changes. */
  done = 0
  /** Status → requests; 0 stands for no answer. */
  readonly statuses: Record<number, number> = {}
  readonly #random = new SeededRandom('changing keys')
  readonly #bucket: string
  readonly #keys: number

  constructor(bucket: string, keys: number) {
    this.#bucket = bucket
    this.#keys = keys
  }

  /** Until the signal aborts. `urls` returns the present nodes. */
  async change(urls: () => readonly string[], stop: AbortSignal): Promise<void> {
    const client = async (): Promise<void> => {
      while (!stop.aborted) {
        if (await this.#changeOne(urls())) this.done++
        await sleep(PAUSE_MS)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
  }

  async #changeOne(urls: readonly string[]): Promise<boolean> {
    const url = urls[this.#random.below(urls.length)]
    const key = `key-${this.#random.below(this.#keys)}`
    const request = this.#random.chance(DELETES_PERCENT)
      ? { method: 'DELETE' }
      : { method: 'PUT', body: `after ${this.done} changes` }
    const target = `${url}/v1/kv/${this.#bucket}/${key}?timeout=${STORE_TIMEOUT_MS}`
    const status = await this.#send(target, request)
    this.statuses[status] = (this.statuses[status] ?? 0) + 1
    return status === 204
  }

  async #send(target: string, request: RequestInit): Promise<number> {
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
      const answer = await fetch(target, { ...request, signal })
      await answer.arrayBuffer()
      return answer.status
    } catch {
      return 0
    }
  }
}
