/**
 * Server-Sent Events (HTML Living Standard, section 9.2): the one writer of all streams of this server.
 *
 * An event is written only after the reader has taken what was written before; bytes that the kernel has taken count as
 * taken. So a slow reader costs a bounded amount of memory. It gets no heartbeats meanwhile, and loses its connection if
 * written events still wait for it after a minute.
 */
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { RequestGate } from '../access/request-gate.ts'
import { drained, isGone, onceClosed } from './response-end.ts'

export const EVENT_STREAM_TYPE = 'text/event-stream'
export const HEARTBEAT_SECONDS = 10
/** How long written events may wait for the reader. */
const STALLED_MS_MAX = 60_000
/** How long a browser waits before it connects again. */
const RECONNECT_MS = 1000

export interface ServerEvent {
  /** Undefined for an event without a name, which a browser calls `message`. */
  readonly name?: string
  /** A browser sends it back as Last-Event-ID when it connects again. */
  readonly id?: string | undefined
  readonly data: object
}

/** The streams that are open, so that the server can end them before it closes. */
export class EventStreams {
  readonly #timers: Timers
  readonly #gate: RequestGate | undefined
  readonly #open = new Set<EventStream>()
  #isClosed = false

  constructor(timers: Timers, gate?: RequestGate) {
    this.#timers = timers
    this.#gate = gate
  }

  /** Sends the status and the headers. `heartbeat` makes the event that is sent now and then. */
  begin(reply: FastifyReply, heartbeat: () => ServerEvent): EventStream {
    const { raw } = reply
    raw.writeHead(200, [...EVENT_STREAM_HEADERS, 'X-Request-Id', reply.request.id])
    reply.hijack()
    const stream = new EventStream(raw, heartbeat, this.#timers, this.#gate)
    this.#open.add(stream)
    stream.onceClosed(() => this.#open.delete(stream))
    if (this.#isClosed) stream.end()
    return stream
  }

  /** Ends all streams, also those that begin later. */
  closeAll(): void {
    this.#isClosed = true
    this.endOpen()
  }

  /** Ends the streams that are open now. Their clients connect again. */
  endOpen(): void {
    for (const stream of this.#open) stream.end()
  }
}

/** Names and values in turn. The last one keeps proxies from holding the events back. */
export const EVENT_STREAM_HEADERS: readonly string[] = [
  'Content-Type',
  EVENT_STREAM_TYPE,
  'Cache-Control',
  'no-store',
  'X-Accel-Buffering',
  'no',
]

export class EventStream {
  readonly #response: ServerResponse
  readonly #timers: Timers
  readonly #gate: RequestGate | undefined
  readonly #heartbeats: Timer
  #isBlocked = false

  constructor(
    response: ServerResponse,
    heartbeat: () => ServerEvent,
    timers: Timers,
    gate?: RequestGate,
  ) {
    this.#response = response
    this.#timers = timers
    this.#gate = gate
    this.#heartbeats = timers.every(HEARTBEAT_SECONDS * 1000, () => {
      if (!this.#isBlocked && !this.isClosed) void this.send([heartbeat()])
    })
    this.onceClosed(() => this.#heartbeats.cancel())
    if (!this.isClosed) response.write(`retry: ${RECONNECT_MS}\n\n`)
  }

  get isClosed(): boolean {
    return isGone(this.#response) || this.#response.writableEnded
  }

  onceClosed(then: () => void): void {
    onceClosed(this.#response, then)
  }

  /**
   * Resolves when the reader can take more, or is gone. If its token is not valid any more, the stream ends, at the next
   * heartbeat at the latest.
   */
  async send(events: readonly ServerEvent[]): Promise<void> {
    if (this.isClosed || events.length === 0) return
    if (this.#gate?.isStillLetIn(this.#response.req) === false) {
      this.end()
      return
    }
    if (this.#response.write(events.map(textOf).join(''))) return
    this.#isBlocked = true
    const limit = this.#limitWait()
    await drained(this.#response)
    limit.cancel()
    this.#isBlocked = false
  }

  end(): void {
    this.#heartbeats.cancel()
    if (this.isClosed) return
    const limit = this.#limitWait()
    this.onceClosed(() => limit.cancel())
    this.#response.end()
  }

  /** The timeout of the socket itself may take twice as long: it begins again if some bytes have left meanwhile. */
  #limitWait(): Timer {
    return this.#timers.after(STALLED_MS_MAX, () => this.#response.req.socket.destroy())
  }
}

/** JSON has no line ends of its own, so the data is one line. */
export function textOf({ name, id, data }: ServerEvent): string {
  return [
    ...(name === undefined ? [] : [`event: ${name}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    `data: ${JSON.stringify(data)}`,
    '\n',
  ].join('\n')
}
