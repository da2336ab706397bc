/**
 * The changes of a bucket as an async iterable. If its node falls silent, it continues at another one. Each change is
 * told at least once.
 */
import type { CallOptions, KeyRequests } from './key-requests.ts'
import { parseJson } from './request/answer.ts'
import { EventParser, type StreamEvent } from './request/event-parser.ts'
import { RejectedError } from './request/request-error.ts'
import type { OpenStream } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import { SILENCE } from './request/wait.ts'
import { StoppableIterator } from './stoppable-iterator.ts'
import { FormatError } from './value-format.ts'

/** A node sends a heartbeat every 10 s. */
const SILENCE_MS = 25_000
/** The longest pause before a connection that follows another one. */
const PAUSE_MS = 500
/** The position before everything. */
const EVERYTHING = '0'

export interface WatchOptions extends CallOptions {
  /** Bounds each time without any node that answers. */
  readonly timeoutMs?: number | undefined
  readonly prefix?: string | undefined
  /** Begins behind this `position` of an earlier watch of the bucket. */
  readonly after?: string | undefined
  /** Begins with every key as it is now, up to the event `complete`. */
  readonly everything?: boolean | undefined
  /** Tells `progress` once the watch has begun, and then about every 10 s. */
  readonly progress?: boolean | undefined
}

/** What a key is now. Read the key for its value. */
export type KeyChange =
  | {
      readonly type: 'put'
      readonly key: string
      /** The bytes of all its values together. */
      readonly size: number
      readonly siblings: number
      readonly etag: string
    }
  | { readonly type: 'delete'; readonly key: string }

export type WatchEvent =
  | KeyChange
  /** Changes were missed: forget every key. All keys follow, up to `complete`; keys that do not follow are gone. */
  | { readonly type: 'reset' }
  | { readonly type: 'complete' }
  /** Only with the option `progress`. The members mean what they mean for KeyWatch. */
  | {
      readonly type: 'progress'
      readonly toldUntil: Date | undefined
      readonly missingPartitions: ReadonlySet<number>
    }

export class KeyWatch implements AsyncIterable<WatchEvent> {
  readonly #requests: KeyRequests
  readonly #options: WatchOptions
  #position: string | undefined
  /** Whether a key has been told since the last reset, if there was one. An earlier watch counts, too. */
  #hasToldKeys: boolean
  #toldUntil: Date | undefined
  #missing: ReadonlySet<number> = new Set()

  constructor(requests: KeyRequests, options: WatchOptions) {
    const { after, everything = false } = options
    assertUsage(!requests.isBatch, 'a batch watches no keys')
    assertUsage(
      after === undefined || !everything,
      'a watch begins after a position, or with everything',
    )
    this.#requests = requests
    this.#options = options
    this.#position = everything ? EVERYTHING : after
    this.#hasToldKeys = after !== undefined
  }

  /**
   * A watch with `after: position` continues behind the events before the present one, at any node. Undefined until the
   * watch has begun.
   */
  get position(): string | undefined {
    return this.#position
  }

  /** Every write until then has been told; undefined if that is not known. */
  get toldUntil(): Date | undefined {
    return this.#toldUntil
  }

  /** Data partitions whose changes may come late, because the node does not reach most of their owners. */
  get missingPartitions(): ReadonlySet<number> {
    return this.#missing
  }

  /**
   * Continues behind `position`. Rejects if no node answers within `timeoutMs`; iterate again to continue. `return` ends
   * the connection at once, also while `next` waits.
   */
  [Symbol.asyncIterator](): StoppableIterator<WatchEvent> {
    return new StoppableIterator((stop) => this.#events(stop))
  }

  async *#events(stop: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    const { signal: given } = this.#options
    const signal = given === undefined ? stop : AbortSignal.any([given, stop])
    for (;;) {
      const stream = await this.#connect(signal)
      if (stream === 'gone') {
        this.#position = EVERYTHING
        this.#hasToldKeys = false
        yield { type: 'reset' }
        continue
      }
      const parser = new EventParser()
      try {
        // All keys follow, without those that were told before and have been deleted since.
        if (this.#position === EVERYTHING && this.#hasToldKeys) {
          this.#hasToldKeys = false
          yield { type: 'reset' }
        }
        for (;;) {
          const bytes = await this.#read(stream, signal)
          if (bytes === undefined) break
          for (const event of parser.push(bytes)) {
            const told = this.#take(event)
            if (told !== undefined) {
              if (told.type !== 'progress') this.#hasToldKeys = told.type !== 'reset'
              yield told
            }
            this.#position = event.id ?? this.#position
          }
        }
        stream.broken()
      } finally {
        // Ends the connection, and so the watch of the node.
        void stream.reader.cancel().catch(() => undefined)
      }
      await this.#pause(signal)
    }
  }

  /** Connects to the next node that answers. `gone`: the changes after the position are. */
  async #connect(signal: AbortSignal): Promise<OpenStream | 'gone'> {
    const { sender, bucket } = this.#requests
    const { prefix } = this.#options
    const budget = sender.budget({ ...this.#options, signal })
    const query = {
      ...(prefix === undefined ? {} : { prefix }),
      ...(this.#position === undefined ? {} : { since: this.#position }),
    }
    const headers = { accept: 'text/event-stream, application/problem+json' }
    const request = {
      method: 'GET',
      path: `/v1/watch/${bucket}`,
      query,
      headers,
      statuses: [200],
    } as const
    for (;;) {
      try {
        return await sender.open(request, budget)
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error
        if (error.code === 'watch_position_gone') return 'gone'
        const isLate = sender.ports.clock.nowMs() + PAUSE_MS >= budget.deadlineMs
        if (!error.retryable || isLate) throw error
        await this.#pause(signal)
      }
    }
  }

  /** Undefined if the stream has ended or broken off, or is silent. Rejects with the reason of a signal. */
  async #read({ reader }: OpenStream, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const wait = this.#requests.sender.wait({ signal }, SILENCE_MS)
    const { signal: over } = wait
    try {
      return (await wait.until(reader.read())).value
    } catch {
      if (over.aborted && over.reason !== SILENCE) throw over.reason
      return undefined
    }
  }

  /** Undefined for an event that is not for the program. */
  #take({ name, data }: StreamEvent): WatchEvent | undefined {
    switch (name) {
      case 'message':
        return this.#changeIn(data)
      case 'reset':
      case 'complete':
        return { type: name }
      case 'heartbeat': {
        const { toldUntil, missingPartitions = [] } = (parseText(data) ?? {}) as Heartbeat
        this.#toldUntil = typeof toldUntil === 'string' ? new Date(toldUntil) : undefined
        this.#missing = new Set(missingPartitions)
        return this.#options.progress === true
          ? { type: 'progress', toldUntil: this.#toldUntil, missingPartitions: this.#missing }
          : undefined
      }
      default:
        return undefined
    }
  }

  #changeIn(data: string): KeyChange {
    const change = parseText(data) as KeyChange | undefined
    if (change?.type === 'put' || change?.type === 'delete') return change
    throw new FormatError(`A watch of ${this.#requests.bucket} was told what is not a change.`)
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { sender } = this.#requests
    const { clock, random } = sender.ports
    const untilMs = clock.nowMs() + (0.5 + random.fraction() / 2) * PAUSE_MS
    return sender.pause({ deadlineMs: untilMs, signal }, untilMs)
  }
}

interface Heartbeat {
  readonly toldUntil?: string | null
  readonly missingPartitions?: readonly number[]
}

/** Undefined if the text is not JSON. */
function parseText(text: string): unknown {
  return parseJson(new TextEncoder().encode(text))
}
