/**
 * The endpoints of a client in a ring: calls start at each in turn. An endpoint that failed rests for a while. A resting
 * endpoint is the last choice, and still a choice: the ring never refuses a request.
 */
import { assertUsage } from './usage.ts'

/** How long an endpoint that failed is the last choice, if it does not say so itself. */
export const REST_MS = 1000

export interface Endpoint {
  /** Without a slash at the end. */
  readonly url: string
  /** The id of the node behind it; undefined if the program has not told it. */
  readonly node: string | undefined
}

/** A list of addresses, or addresses by the id of their node. */
export type Endpoints = readonly string[] | Readonly<Record<string, string>>

export class EndpointRing {
  readonly all: readonly Endpoint[]
  readonly #restsUntilMs = new Map<Endpoint, number>()
  #next: number

  /** `fraction` chooses the first endpoint, so that many clients do not all begin at the same one. */
  constructor(endpoints: Endpoints, fraction: number) {
    this.all = Array.isArray(endpoints)
      ? endpoints.map((url: string) => ({ url: baseUrl(url), node: undefined }))
      : Object.entries(endpoints).map(([node, url]) => ({ url: baseUrl(url), node }))
    assertUsage(this.all.length > 0, 'endpoints needs at least one address')
    this.#next = Math.floor(fraction * this.all.length)
  }

  /** All endpoints in the order of a new call. The node `first`, if it is known and does not rest, comes first. */
  order(first: string | undefined, nowMs: number): readonly Endpoint[] {
    const start = this.#next
    this.#next = (start + 1) % this.all.length
    const inTurn = [...this.all.slice(start), ...this.all.slice(0, start)]
    const known = inTurn.find(({ node }) => node !== undefined && node === first)
    if (known === undefined || this.isResting(known, nowMs)) return inTurn
    return [known, ...inTurn.filter((endpoint) => endpoint !== known)]
  }

  isResting(endpoint: Endpoint, nowMs: number): boolean {
    return nowMs < (this.#restsUntilMs.get(endpoint) ?? 0)
  }

  rest(endpoint: Endpoint, untilMs: number): void {
    this.#restsUntilMs.set(endpoint, untilMs)
  }

  /** The endpoint has answered. */
  wake(endpoint: Endpoint): void {
    this.#restsUntilMs.delete(endpoint)
  }
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  assertUsage(
    url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash === '',
    `the endpoint ${JSON.stringify(text)} is not an address such as http://localhost:8001`,
  )
  assertUsage(
    url.username + url.password === '',
    'fetch takes no address with a user or a password',
  )
  return url.href.replace(/\/+$/, '')
}
