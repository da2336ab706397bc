/**
 * A clock that only tests advance, and a `fetch` that speaks HTTP without a network: addresses, headers and bodies pass
 * through the platform's own Request and Response, so they are checked and normalised as on a real way.
 */
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import type { Clock, Fetch, Random } from '../../src/client/quorate.ts'

/** Reading the body of a Response takes a few turns of the event loop. */
const TURNS = 4

export class VirtualClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #timers = new Set<{ atMs: number; order: number; task: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, task }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Advances time from timer to timer until the promise settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    promise.then(settle, settle)
    for (;;) {
      for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
      if (isSettled) return promise
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      if (next === undefined) throw new Error('the promise waits, and no timer does')
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.task()
    }
  }
}

/** What a node does with a request. A promise that never settles is a node that is silent. */
export type Behaviour = (request: Request) => Response | Promise<Response>

/** Each node by the origin of its address. */
export function virtualFetch(nodes: Readonly<Record<string, Behaviour>>): Fetch {
  return async (url, init) => {
    const request = new Request(url, init)
    init.signal.throwIfAborted()
    const behave = nodes[new URL(request.url).origin] ?? refuse
    return new Promise((resolve, reject) => {
      init.signal.addEventListener('abort', () => reject(init.signal.reason))
      // A network takes a turn, even if the node answers at once.
      Promise.resolve(request).then(behave).then(resolve, reject)
    })
  }
}

/** Names and fractions in a fixed order. */
export function fixedRandom(fraction = 0.5): Random {
  let names = 0
  return { fraction: () => fraction, name: () => `name-${names++}` }
}

export const refuse: Behaviour = () => fail('ECONNREFUSED', 'connect')
export const breakOff: Behaviour = () => fail('ECONNRESET', 'read')
/** The network is cut while the connection is in use. */
export const loseHost: Behaviour = () => fail('EHOSTUNREACH', 'read')
export const stayCut: Behaviour = () => new Promise<never>(() => undefined)

/** As `fetch` of Node.js does. */
function fail(code: string, syscall: string): never {
  const cause = Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
  throw new TypeError('fetch failed', { cause })
}

/** The problem document that a node sends for this code. */
export function problem(code: ErrorCode, headers: Record<string, string> = {}): Response {
  const { status, title, outcome, retryable } = ERRORS[code]
  const document = {
    type: `/problems/${code}`,
    title,
    status,
    detail: title,
    code,
    outcome,
    retryable,
  }
  return new Response(JSON.stringify(document), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
}

export function done(headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 204, headers })
}

export function found(value: string, headers: Record<string, string> = {}): Response {
  return new Response(value, { headers: { 'content-type': 'text/plain', ...headers } })
}
