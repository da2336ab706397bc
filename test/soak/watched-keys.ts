/**
 * Two readers of a bucket: one is slow, and the other one goes to the next node every 100 ms. Each keeps what a watch
 * tells: the ETag of each key.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createClient,
  type Quorate,
  RejectedError,
  type WatchEvent,
} from '../../src/client/quorate.ts'

/** The slow reader takes so many events, and then rests. */
const EVENTS_AT_A_TIME = 10
const REST_MS = 100
const HOP_MS = 100
const SLOW_TIMEOUT_MS = 10_000
const HOP_TIMEOUT_MS = 2000
const LIST_TIMEOUT_MS = 60_000
const WRONGS_MAX = 10

export class WatchedKeys {
  readonly etags = new Map<string, string>()
  hasBegun = false
  events = 0
  resets = 0
  /** Watches that were begun, and how many of them ended because no node answered. */
  begun = 0
  unanswered = 0
  /** Whether the slow reader takes its time. */
  isSlow = true
  #position: string | undefined
  /** From a reset until all keys have been told. */
  #isListing = false
  readonly #bucket: string
  readonly #over: AbortSignal

  constructor(bucket: string, over: AbortSignal) {
    this.#bucket = bucket
    this.#over = over
  }

  /** `endpoints` returns the present nodes. Resolves when the watch is over. */
  async readSlowly(endpoints: () => readonly string[]): Promise<void> {
    while (!this.#over.aborted) {
      await using client = createClient({ endpoints: endpoints(), timeoutMs: SLOW_TIMEOUT_MS })
      await this.#read(client, this.#over, async () => {
        if (this.isSlow && this.events % EVENTS_AT_A_TIME === 0) await sleep(REST_MS)
      })
    }
  }

  /** Continues at the next of the present nodes after each HOP_MS. Resolves when the watch is over. */
  async readHopping(endpoints: () => readonly string[]): Promise<void> {
    for (let turn = 0; !this.#over.aborted; turn++) {
      const urls = endpoints()
      await this.#hop(urls[turn % urls.length] as string)
    }
  }

  /** The first keys that the reader knows otherwise than the store lists them. */
  async wrongs(endpoints: readonly string[]): Promise<string[]> {
    await using client = createClient({ endpoints, timeoutMs: LIST_TIMEOUT_MS })
    const stored = new Map<string, string>()
    for await (const { key, etag } of client.bucket(this.#bucket).keys({ pageSize: 1000 })) {
      stored.set(key, etag)
    }
    return [...new Set([...stored.keys(), ...this.etags.keys()])]
      .filter((key) => stored.get(key) !== this.etags.get(key))
      .slice(0, WRONGS_MAX)
      .map((key) => `${key}: stored ${stored.get(key)}, told ${this.etags.get(key)}`)
  }

  /** The figures of a report. */
  get counts(): object {
    const { etags, events, resets, begun, unanswered } = this
    return { keys: etags.size, events, resets, begun, unanswered }
  }

  async #hop(url: string): Promise<void> {
    await using client = createClient({ endpoints: [url], timeoutMs: HOP_TIMEOUT_MS, retry: false })
    const enough = new AbortController()
    let timer: NodeJS.Timeout | undefined
    let isLate = false
    const leave = (): void => {
      isLate = true
      // A list of all keys has no position within it. So a reader that left now would begin it again, for ever.
      if (!this.#isListing) enough.abort()
    }
    await this.#read(client, AbortSignal.any([enough.signal, this.#over]), async () => {
      // From the first event on, because a node that was paused may take long to begin.
      timer ??= setTimeout(leave, HOP_MS)
      if (isLate) leave()
    })
    clearTimeout(timer)
  }

  /** Continues at the position, until no node answers or the signal aborts. */
  async #read(client: Quorate, signal: AbortSignal, taken: () => Promise<void>): Promise<void> {
    const watch = client
      .bucket(this.#bucket)
      .watch({ progress: true, after: this.#position, signal })
    this.begun++
    try {
      for await (const event of watch) {
        this.#take(event)
        await taken()
      }
    } catch (error) {
      if (error instanceof RejectedError) this.unanswered++
      else if (!signal.aborted) throw error
    } finally {
      this.#position = watch.position
    }
  }

  #take(event: WatchEvent): void {
    this.hasBegun = true
    if ('key' in event) this.events++
    switch (event.type) {
      case 'put':
        this.etags.set(event.key, event.etag)
        break
      case 'delete':
        this.etags.delete(event.key)
        break
      case 'reset':
        this.etags.clear()
        this.resets++
        this.#isListing = true
        break
      case 'complete':
        this.#isListing = false
        break
      case 'progress':
        break
      default:
        event satisfies never
    }
  }
}
