/**
 * Tells listeners what has changed. It looks only while there are listeners, once for all of them, and keeps nothing for
 * a slow one: a listener that has not taken its last events gets the newest state later.
 */
import type { ServerEvent } from '../http/event-stream.ts'

export interface LiveEvent extends ServerEvent {
  readonly name: string
  /** The event is sent if this text differs from that of the last one of its name. */
  readonly version: string
}

/** The part of an EventStream that the feed uses. */
export interface Listener {
  readonly isClosed: boolean
  /** Resolves when the listener can take more. */
  send(events: readonly ServerEvent[]): Promise<void>
}

export interface FeedSource {
  /** The present state, as one event of each name. Never rejects. */
  look(): Promise<readonly LiveEvent[]>
  /** The time between two looks. */
  pause(): Promise<void>
}

export class LiveFeed {
  readonly #source: FeedSource
  readonly #listeners = new Map<Listener, ListenerState>()
  #isRunning = false

  constructor(source: FeedSource) {
    this.#source = source
  }

  get size(): number {
    return this.#listeners.size
  }

  add(listener: Listener): void {
    this.#listeners.set(listener, { sent: new Map(), isBusy: false })
    if (!this.#isRunning) void this.#run()
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#listeners.size > 0) {
      const events = await this.#source.look()
      for (const [listener, state] of this.#listeners) offer(listener, state, events)
      await this.#source.pause()
    }
    this.#isRunning = false
  }
}

interface ListenerState {
  /** The version of the last event of each name. */
  readonly sent: Map<string, string>
  isBusy: boolean
}

function offer(listener: Listener, state: ListenerState, events: readonly LiveEvent[]): void {
  if (state.isBusy || listener.isClosed) return
  const news = events.filter(({ name, version }) => state.sent.get(name) !== version)
  if (news.length === 0) return
  for (const { name, version } of news) state.sent.set(name, version)
  state.isBusy = true
  void listener.send(news).then(() => {
    state.isBusy = false
  })
}
