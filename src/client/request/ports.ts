/** What the client needs of the world: time, randomness and `fetch`. Programs take the defaults; tests pass their own. */

export interface Clock {
  /** Milliseconds since some fixed moment. Never goes back. */
  nowMs(): number
  /** Runs `task` once after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, task: () => void): () => void
}

export interface Random {
  /** At least 0 and below 1. */
  fraction(): number
  /** A new name that no other client ever makes: 1 to 255 printable ASCII characters. */
  name(): string
}

/** The part of `fetch` that the client uses. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

export interface FetchInit {
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
  readonly redirect: 'error'
  readonly cache: 'no-store'
}

export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly fetch: Fetch
}

const NAME_BYTES = 16

export const SYSTEM_PORTS: Ports = {
  clock: {
    nowMs: () => performance.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs)
      return () => clearTimeout(timer)
    },
  },
  random: {
    fraction: () => Math.random(),
    // Not `randomUUID`, because browsers offer that to pages of HTTPS alone.
    name: () =>
      Array.from(crypto.getRandomValues(new Uint8Array(NAME_BYTES)), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join(''),
  },
  fetch: (url, init) => fetch(url, init),
}
