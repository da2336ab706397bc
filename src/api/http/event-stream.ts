/**
 * Server-Sent Events (HTML Living Standard, section 9.2): the one writer of all streams of this server.
 *
 * An event is written only after the reader has taken what was written before, apart from the buffer of its socket. So
 * a slow reader costs a bounded amount of memory. It gets no heartbeats meanwhile, and loses its connection when it
 * takes nothing for a minute.
 */
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import { drained, isGone, onceClosed } from './response-end.ts'

export const EVENT_STREAM_TYPE = 'text/event-stream'
export const HEARTBEAT_SECONDS = 10
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
  readonly #open = new Set<EventStream>()
  #isClosed = false

  /** Sends the status and the headers. `heartbeat` makes the event that is sent now and then. */
  begin(reply: FastifyReply, heartbeat: () => ServerEvent): EventStream {
    const { raw } = reply
    raw.writeHead(200, [...EVENT_STREAM_HEADERS, 'X-Request-Id', reply.request.id])
    reply.hijack()
    const stream = new EventStream(raw, heartbeat)
    this.#open.add(stream)
    stream.onceClosed(() => this.#open.delete(stream))
    if (this.#isClosed) stream.end()
    return stream
  }

  /** Ends all streams, also those that begin later. */
  closeAll(): void {
    this.#isClosed = true
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
  readonly #heartbeats: NodeJS.Timeout
  #isBlocked = false

  constructor(response: ServerResponse, heartbeat: () => ServerEvent) {
    this.#response = response
    response.setTimeout(STALLED_MS_MAX)
    this.#heartbeats = setInterval(() => {
      if (!this.#isBlocked && !this.isClosed) void this.send([heartbeat()])
    }, HEARTBEAT_SECONDS * 1000)
    this.onceClosed(() => clearInterval(this.#heartbeats))
    if (!this.isClosed) response.write(`retry: ${RECONNECT_MS}\n\n`)
  }

  get isClosed(): boolean {
    return isGone(this.#response) || this.#response.writableEnded
  }

  onceClosed(then: () => void): void {
    onceClosed(this.#response, then)
  }

  /** Resolves when the reader can take more, or is gone. */
  async send(events: readonly ServerEvent[]): Promise<void> {
    if (this.isClosed || events.length === 0) return
    if (this.#response.write(events.map(textOf).join(''))) return
    this.#isBlocked = true
    await drained(this.#response)
    this.#isBlocked = false
  }

  end(): void {
    clearInterval(this.#heartbeats)
    if (!this.isClosed) this.#response.end()
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
