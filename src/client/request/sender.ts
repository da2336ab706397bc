/**
 * Makes the attempts of a request, as `Call` decides them, over `fetch`. One budget bounds them all, and the pauses
 * between them.
 */
import {
  type Answer,
  answerOrFailure,
  emptyAnswer,
  failureOfSilence,
  failureOfThrown,
} from './answer.ts'
import { Call, type Failure, type NextAttempt, type RetryPolicy, timeIsOver } from './call.ts'
import { type Endpoint, type Endpoints, EndpointRing, REST_MS } from './endpoint-ring.ts'
import { OwnerCache } from './owner-cache.ts'
import type { Ports } from './ports.ts'
import { assertUsage } from './usage.ts'
import { SILENCE, Wait } from './wait.ts'

/** The part of an attempt's time that the node gets, so that its answer still arrives. */
const NODE_SHARE = 0.9
/** The longest timeout that a node takes. */
const NODE_TIMEOUT_MS_MAX = 60_000

/** Timers of JavaScript take no longer time. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

/** What may follow `Bearer` in a header. The text of a wrong token is not shown, because it may be nearly right. */
const TOKEN = /^[\w.~+/-]+=*$/

/** Bounds one call of the program, with all the requests that it takes. */
export interface Budget {
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Begins with a slash; encoded. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
  /** Whether it changes nothing, although its method is not GET. */
  readonly isRead?: boolean
  /** For a request that changes something; reads always may be. */
  readonly isRepeatable?: boolean
  /** Whether the node that coordinated the key's last write is asked first. */
  readonly isRouted?: boolean
  /** False for a path that takes no `timeout=`: its node does not wait. */
  readonly takesTimeout?: boolean
  /** The statuses of answers; all others are failures. */
  readonly statuses: readonly number[]
  /** A failure in an answer of a good status, if there is one. */
  readonly failureIn?: (answer: Answer) => Failure | undefined
  /** Whether the status alone says that a write is done. */
  readonly isDoneByStatus?: boolean
  /** Whether the answer is a stream of events without an end. */
  readonly isStream?: boolean
}

/** An open stream. */
export interface OpenStream {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>
  /** The node has broken the stream off: other calls choose it last for a while. */
  readonly broken: () => void
}

export interface SenderOptions {
  readonly endpoints: Endpoints
  /** Sent with each request, to each endpoint. */
  readonly token?: string | undefined
  readonly timeoutMs: number
  readonly retry: RetryPolicy
}

export class Sender {
  readonly ports: Ports
  readonly #options: SenderOptions
  readonly #ring: EndpointRing
  readonly #owners = new OwnerCache()
  readonly #life = new AbortController()
  readonly #underWay = new Set<Promise<Answered>>()

  constructor(options: SenderOptions, ports: Ports) {
    const { token } = options
    assertUsage(
      token === undefined || TOKEN.test(token),
      'a token has only letters, digits and . _ ~ + / - =',
    )
    this.ports = ports
    this.#options = options
    this.#ring = new EndpointRing(options.endpoints, ports.random.fraction())
  }

  /** Begins the time of a call. */
  budget(options: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined }): Budget {
    const { timeoutMs = this.#options.timeoutMs, signal } = options
    assertUsage(!this.#life.signal.aborted, 'the client is closed')
    assertUsage(
      timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX,
      `timeoutMs must be above 0 and at most ${TIMEOUT_MS_MAX}, not ${timeoutMs}`,
    )
    return { deadlineMs: this.ports.clock.nowMs() + timeoutMs, signal }
  }

  /** Rejects with a RequestError, or with the reason of the signal. */
  async send(request: OutgoingRequest, budget: Budget): Promise<Answer> {
    return (await this.#attemptTracked(request, budget)).answer
  }

  /** Resolves when a node has begun the stream. Rejects as `send` does. */
  async open(request: OutgoingRequest, budget: Budget): Promise<OpenStream> {
    const { answer, endpoint } = await this.#attemptTracked(
      { ...request, isStream: true, takesTimeout: false },
      budget,
    )
    const reader = (answer.stream ?? new ReadableStream<Uint8Array>()).getReader()
    return { reader, broken: () => this.#ring.rest(endpoint, this.ports.clock.nowMs() + REST_MS) }
  }

  /** Settles like `event`. Rejects if the time of the budget is over first; nothing was sent then. */
  async within<T>(budget: Budget, what: string, event: Promise<T>): Promise<T> {
    const wait = this.wait(budget, budget.deadlineMs - this.ports.clock.nowMs())
    try {
      return await wait.until(event)
    } catch (error) {
      throw error === SILENCE ? timeIsOver(what) : error
    }
  }

  /** Resolves at `untilMs`, or at once if that has passed. Rejects with the reason of a signal. */
  async pause(budget: Budget, untilMs: number): Promise<void> {
    const { clock } = this.ports
    const ms = untilMs - clock.nowMs()
    const never = new Promise<never>(() => undefined)
    try {
      await this.wait(budget, Math.max(0, ms)).until(ms > 0 ? never : Promise.resolve())
    } catch (error) {
      if (error !== SILENCE) throw error
    }
  }

  /**
   * Pauses for a random time up to `longestMs`, so that clients that met once do not meet again (full jitter). Leaves
   * half of the time left to what follows.
   */
  jitter(budget: Budget, longestMs: number): Promise<void> {
    const { clock, random } = this.ports
    const nowMs = clock.nowMs()
    const leftMs = Math.max(0, budget.deadlineMs - nowMs)
    return this.pause(budget, nowMs + random.fraction() * Math.min(longestMs, leftMs / 2))
  }

  /** Bounds the wait for one event by the life of the client, too. */
  wait({ signal }: Pick<Budget, 'signal'>, timeoutMs: number): Wait {
    const signals = [this.#life.signal, ...(signal === undefined ? [] : [signal])]
    return new Wait(this.ports.clock, signals, timeoutMs)
  }

  /** Ends the calls under way, and waits until they have told their callers. */
  async close(): Promise<void> {
    this.#life.abort(new DOMException('The client was closed.', 'AbortError'))
    await Promise.allSettled(this.#underWay)
  }

  #attemptTracked(request: OutgoingRequest, budget: Budget): Promise<Answered> {
    const answered = this.#attemptAll(request, budget)
    this.#underWay.add(answered)
    return answered.finally(() => this.#underWay.delete(answered))
  }

  async #attemptAll(request: OutgoingRequest, budget: Budget): Promise<Answered> {
    const { clock, random } = this.ports
    const { method, path, isRouted = false } = request
    const isRead = method === 'GET' || request.isRead === true
    // Made once and outside of any attempt: a header that fetch refuses is a mistake of the program.
    const headers = new Headers(request.headers)
    const { token } = this.#options
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const owner = isRouted ? this.#owners.find(path) : undefined
    const call = new Call(
      {
        what: `${method} ${path}`,
        isRead,
        isRepeatable: isRead || request.isRepeatable === true,
        deadlineMs: budget.deadlineMs,
        retry: this.#options.retry,
        endpoints: this.#ring.order(owner, clock.nowMs()),
      },
      this.#ring,
    )
    for (;;) {
      const next = call.next(clock.nowMs(), random.fraction())
      if (next === undefined) throw call.error()
      await unlessAbandoned(call, false, this.pause(budget, next.startMs))
      const beganMs = clock.nowMs()
      const timeoutMs = Math.min(next.timeoutMs, budget.deadlineMs - beganMs)
      if (timeoutMs <= 0) throw call.error()
      const attempt = this.#attempt(request, headers, budget, { ...next, timeoutMs })
      const ended = await unlessAbandoned(call, true, attempt)
      if ('headers' in ended) {
        this.#ring.wake(next.endpoint)
        // Any node runs a read itself, so only writes tell an owner.
        if (isRouted && method !== 'GET') {
          this.#owners.learn(path, ended.headers.get('quorate-coordinator'))
        }
        const answer = call.mayBeApplied(false) ? { ...ended, isAfterUnknown: true } : ended
        return { answer, endpoint: next.endpoint }
      }
      call.failed(next.endpoint, ended, beganMs, clock.nowMs())
    }
  }

  /** Rejects only with the reason for which the program ended the call. */
  async #attempt(
    request: OutgoingRequest,
    headers: Headers,
    budget: Budget,
    { endpoint, timeoutMs }: NextAttempt,
  ): Promise<Answer | Failure> {
    const wait = this.wait(budget, timeoutMs)
    const { signal } = wait
    try {
      const url = `${endpoint.url}${request.path}${queryOf(request, timeoutMs)}`
      return await wait.until(this.#exchange(request, url, headers, signal))
    } catch (error) {
      if (!signal.aborted) return failureOfThrown(error)
      if (signal.reason === SILENCE) return failureOfSilence(timeoutMs)
      throw signal.reason
    }
  }

  async #exchange(
    request: OutgoingRequest,
    url: string,
    headers: Headers,
    signal: AbortSignal,
  ): Promise<Answer | Failure> {
    const { method, body } = request
    const init = { method, headers, signal, redirect: 'error', cache: 'no-store' } as const
    return read(request, await this.ports.fetch(url, body === undefined ? init : { ...init, body }))
  }
}

function queryOf({ query, takesTimeout = true }: OutgoingRequest, timeoutMs: number): string {
  const nodeMs = Math.max(1, Math.min(NODE_TIMEOUT_MS_MAX, Math.floor(timeoutMs * NODE_SHARE)))
  const given = new URLSearchParams(takesTimeout ? { ...query, timeout: String(nodeMs) } : query)
  const text = given.toString()
  return text === '' ? '' : `?${text}`
}

interface Answered {
  readonly answer: Answer
  readonly endpoint: Endpoint
}

/** If the program ends a call after a write was sent, the call ends as unknown. */
async function unlessAbandoned<T>(call: Call, isSent: boolean, event: Promise<T>): Promise<T> {
  try {
    return await event
  } catch (reason) {
    throw call.mayBeApplied(isSent) ? call.abandoned(reason) : reason
  }
}

async function read(request: OutgoingRequest, response: Response): Promise<Answer | Failure> {
  const { status, headers } = response
  const { statuses, isDoneByStatus = false, isStream = false, failureIn } = request
  if (isStream && statuses.includes(status)) return streamOf(response)
  let body = new Uint8Array(0)
  try {
    body = new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    if (!isDoneByStatus || !statuses.includes(status)) throw error
  }
  const told = answerOrFailure(statuses, { status, headers, body })
  return 'headers' in told ? (failureIn?.(told) ?? told) : told
}

async function streamOf({ status, headers, body }: Response): Promise<Answer | Failure> {
  if (body !== null && /^text\/event-stream\b/.test(headers.get('content-type') ?? '')) {
    return { status, headers, body: new Uint8Array(0), code: undefined, stream: body }
  }
  await body?.cancel()
  return emptyAnswer('outcome_unknown', 'the answer is not a stream of events', status)
}
