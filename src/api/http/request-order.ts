/**
 * The order of requests on one connection. Node.js hands over pipelined requests all at once, as they arrive. Here safe
 * requests (GET, HEAD, OPTIONS) run together. An unsafe request waits until every earlier request of its connection is
 * answered, and later requests wait for it (RFC 9112, section 9.3.2).
 *
 * Invariants: an unsafe request runs alone on its connection. A connection that does not pipeline pays one comparison
 * a request. The number of waiting requests is bounded for one connection (the server stops reading it) and for all
 * connections together (the server refuses the request). A request that waits when its connection closes never runs.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { assert } from '../../core/assert.ts'
import type { Clock } from '../../ports/clock.ts'

/** At these bounds the server stops reading a connection until some of its requests have begun. */
const CONNECTION_REQUESTS_MAX = 64
const CONNECTION_BYTES_MAX = 262_144
/** These bounds hold for all connections together; requests beyond are refused. */
const WAITING_REQUESTS_MAX = 8192
const WAITING_BYTES_MAX = 33_554_432
/** Node.js buffers at most this much of an unread body. */
const UNREAD_BODY_BYTES_MAX = 65_536

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

export interface OrderedWork {
  /** Begins the request, at once or when its turn comes. */
  readonly run: RequestListener
  /** Answers with a refusal, because too many requests wait already. The request has had no effect. */
  readonly refuse: RequestListener
}

/** A request that waits for its turn. */
interface Entry {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly work: OrderedWork
  /** The memory that its head takes, and that its body may take, while it waits. */
  readonly bytes: number
  readonly arrivedMs: number
}

type OrderedSocket = Socket & {
  _httpMessage?: ServerResponse | null
  [QUEUE]?: ConnectionQueue | undefined
}
type TimedRequest = IncomingMessage & { [WAITED_MS]?: number }

const QUEUE = Symbol('requests of this connection that are not answered yet')
const WAITED_MS = Symbol('how long a request waited for its turn')

/** The requests of all connections of one server. */
export class RequestOrder {
  readonly #clock: Clock
  readonly #waiting = { requests: 0, bytes: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs the request when its turn comes: at once if every earlier request of its connection is answered. */
  take(request: IncomingMessage, response: ServerResponse, work: OrderedWork): void {
    const socket = request.socket as OrderedSocket
    let queue = socket[QUEUE]
    if (queue === undefined) {
      // A response has its connection from the start, unless an earlier response still holds it.
      if (response.socket !== null) return work.run(request, response)
      const first = socket._httpMessage
      assert(first !== undefined && first !== null, 'an earlier response holds the connection')
      queue = new ConnectionQueue(socket, first, this.#waiting, this.#clock)
      socket[QUEUE] = queue
    }
    const bytes = headBytes(request) + unreadBytes(request)
    if (
      this.#waiting.requests >= WAITING_REQUESTS_MAX ||
      this.#waiting.bytes + bytes > WAITING_BYTES_MAX
    ) {
      return work.refuse(request, response)
    }
    queue.add({ request, response, work, bytes, arrivedMs: this.#clock.monotonicMs() })
  }
}

/** How long the request waited for its turn before it began. */
export function waitedMs(request: IncomingMessage): number {
  return (request as TimedRequest)[WAITED_MS] ?? 0
}

/** The response to the last request of the connection that is not answered yet; undefined if it is idle. */
export function lastUnanswered(socket: Socket): ServerResponse | undefined {
  const { [QUEUE]: queue, _httpMessage: current } = socket as OrderedSocket
  return queue?.last() ?? current ?? undefined
}

/**
 * Calls back when every request that arrived completely on the connection is answered; at once if there is none. So a
 * client cannot mistake an error about the connection for the answer to an earlier request.
 */
export function afterAnswers(socket: Socket, then: () => void): void {
  const { [QUEUE]: queue, _httpMessage: current } = socket as OrderedSocket
  const last = queue?.lastComplete() ?? current
  if (last === undefined || last === null || !last.req.complete || last.writableFinished) then()
  else last.once('close', then)
}

/** The unanswered requests of one connection. A queue exists only while the connection pipelines. */
class ConnectionQueue {
  readonly #socket: OrderedSocket
  readonly #all: { requests: number; bytes: number }
  readonly #clock: Clock
  readonly #waiting: Entry[] = []
  /** In order of arrival. Either all of them are safe, or there is exactly one. */
  #running: ServerResponse[]
  #bytes = 0
  #isPaused = false

  constructor(
    socket: OrderedSocket,
    first: ServerResponse,
    all: { requests: number; bytes: number },
    clock: Clock,
  ) {
    this.#socket = socket
    this.#all = all
    this.#clock = clock
    this.#running = [first]
    first.once('close', () => this.#ended(first))
    socket.once('close', this.#drop)
  }

  add(entry: Entry): void {
    this.#waiting.push(entry)
    this.#count(1, entry.bytes)
    this.#advance()
  }

  last(): ServerResponse | undefined {
    return this.#waiting.at(-1)?.response ?? this.#running.at(-1)
  }

  /** The last response whose request has arrived completely. */
  lastComplete(): ServerResponse | undefined {
    const unanswered = [...this.#running, ...this.#waiting.map(({ response }) => response)]
    return unanswered.findLast(({ req }) => req.complete)
  }

  #ended(response: ServerResponse): void {
    this.#running = this.#running.filter((other) => other !== response)
    // If the client has gone, run nothing more: it may have sent the same requests on another connection by now.
    if (this.#socket.writable) this.#advance()
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || !this.#mayRun(next)) break
      this.#waiting.shift()
      this.#count(-1, -next.bytes)
      const { request, response, work, arrivedMs } = next
      ;(request as TimedRequest)[WAITED_MS] = this.#clock.monotonicMs() - arrivedMs
      this.#running.push(response)
      response.once('close', () => this.#ended(response))
      work.run(request, response)
    }
    this.#pace()
    if (this.#running.length > 0) return
    assert(this.#waiting.length === 0, 'a request waits for another one')
    this.#socket.off('close', this.#drop)
    this.#socket[QUEUE] = undefined
  }

  #mayRun({ request }: Entry): boolean {
    const [first] = this.#running
    if (first === undefined) return true
    // Requests that run together are all safe, so checking the first is enough.
    return isSafe(request) && isSafe(first.req) && this.#running.length < CONNECTION_REQUESTS_MAX
  }

  /** Stops reading the connection while too much waits. Reading a body resumes the socket, hence `pauseAgain`. */
  #pace(): void {
    const isFull =
      this.#waiting.length >= CONNECTION_REQUESTS_MAX || this.#bytes > CONNECTION_BYTES_MAX
    if (isFull === this.#isPaused) return
    this.#isPaused = isFull
    if (isFull) {
      this.#socket.on('resume', pauseAgain)
      this.#socket.pause()
    } else {
      this.#socket.off('resume', pauseAgain)
      this.#socket.resume()
    }
  }

  #count(requests: number, bytes: number): void {
    this.#bytes += bytes
    this.#all.requests += requests
    this.#all.bytes += bytes
    assert(
      this.#bytes >= 0 && this.#all.requests >= 0,
      'no more requests leave the queue than entered',
    )
  }

  /** Forgets all waiting requests, because the connection is gone. */
  readonly #drop = (): void => {
    this.#count(-this.#waiting.length, -this.#bytes)
    this.#waiting.length = 0
  }
}

function pauseAgain(this: Socket): void {
  this.pause()
}

/** Whether the request changes nothing (RFC 9110, section 9.2.1). */
export function isSafe({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

function headBytes({ url = '', rawHeaders }: IncomingMessage): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length)
}

function unreadBytes({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return UNREAD_BODY_BYTES_MAX
  return Math.min(Number(headers['content-length'] ?? 0), UNREAD_BODY_BYTES_MAX)
}
