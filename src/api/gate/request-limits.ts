/**
 * How many requests this node takes from each token, and how many it answers with 401 to strangers, who are told apart by
 * their address. A right guess always passes; only the length of a token protects it. A node counts for itself: a client
 * that asks all nodes may send that much to each.
 *
 * The root token has no limits, so that an operator gets in.
 */
import type { ServerResponse } from 'node:http'
import { RequestRate } from '../../core/access/request-rate.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Caller } from '../access/caller.ts'
import { onceClosed } from '../http/response-end.ts'
import { addressGroup } from './address-group.ts'

/** 0 for no limit. */
export interface RequestLimitSettings {
  /** For a token that has no limit of its own. */
  readonly tokenPerSecond: number
  readonly tokenInFlight: number
  readonly strangerPerSecond: number
}

export const NO_LIMITS: RequestLimitSettings = {
  tokenPerSecond: 0,
  tokenInFlight: 0,
  strangerPerSecond: 0,
}

/** The most callers whose rates are kept. A cluster has fewer tokens. */
const RATES_MAX = 4096

export class RequestLimits {
  readonly #settings: RequestLimitSettings
  readonly #metrics: Metrics
  readonly #tokens = new Rates()
  readonly #strangers = new Rates()
  /** The hash of a token → its requests in progress. */
  readonly #inFlight = new Map<string, number>()

  constructor(settings: RequestLimitSettings, metrics: Metrics) {
    this.#settings = settings
    this.#metrics = metrics
  }

  /** Counts a request of a caller until its response has ended. Throws rate_limited. */
  admit({ name, token }: Caller, response: ServerResponse, nowMs: number): void {
    if (token === undefined) return
    const { tokenPerSecond, tokenInFlight } = this.#settings
    const { hash, requestsPerSecond = tokenPerSecond } = token
    const running = this.#inFlight.get(hash) ?? 0
    if (tokenInFlight > 0 && running >= tokenInFlight) {
      const message = `The token ${name} has ${running} requests in progress at this node, and may have no more.`
      throw this.#limited('in flight', message, 0)
    }
    const waitMs = this.#tokens.take(hash, requestsPerSecond, nowMs)
    if (waitMs > 0) {
      const message = `The token ${name} may send ${requestsPerSecond} requests a second to this node.`
      throw this.#limited('rate', message, waitMs)
    }
    if (tokenInFlight === 0) return
    this.#inFlight.set(hash, running + 1)
    onceClosed(response, () => {
      const left = (this.#inFlight.get(hash) ?? 1) - 1
      if (left > 0) this.#inFlight.set(hash, left)
      else this.#inFlight.delete(hash)
    })
  }

  /**
   * A request that was admitted does the work of so many more. Throws rate_limited if work of earlier ones is still owed:
   * their bodies may have come later than the head of this one.
   */
  owe({ name, token }: Caller, requests: number, nowMs: number): void {
    if (token === undefined) return
    const waitMs = this.#tokens.owe(token.hash, requests, nowMs)
    if (waitMs === 0) return
    const message = `Other batches of the token ${name} have used up its requests of this second at this node.`
    throw this.#limited('rate', message, waitMs)
  }

  /** Undefined if the stranger may be told that the token is not valid. */
  strangerRefusal(address: string | undefined, nowMs: number): QuorateError | undefined {
    const { strangerPerSecond } = this.#settings
    const group = addressGroup(address ?? '')
    const waitMs = this.#strangers.take(group, strangerPerSecond, nowMs)
    if (waitMs === 0) return undefined
    const message = `Too many requests without a valid token come from ${group}. This one has no valid token either.`
    return this.#limited('stranger', message, waitMs)
  }

  #limited(limit: keyof typeof LABELS, message: string, waitMs: number): QuorateError {
    this.#metrics.count('rate_limited_total', LABELS[limit])
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return new QuorateError('rate_limited', message, { retryAfterSeconds })
  }
}

const LABELS = {
  rate: { limit: 'rate' },
  'in flight': { limit: 'in flight' },
  stranger: { limit: 'stranger' },
} as const

/** The rates of the callers that have asked last. */
class Rates {
  readonly #byCaller = new Map<string, RequestRate>()

  /** As `RequestRate.take`. A caller without a limit never waits. */
  take(caller: string, perSecond: number, nowMs: number): number {
    if (perSecond === 0) return 0
    const known = this.#byCaller.get(caller)
    const rate = known?.perSecond === perSecond ? known : new RequestRate(perSecond, nowMs)
    // The first of the map is the one that has asked least lately.
    this.#byCaller.delete(caller)
    this.#byCaller.set(caller, rate)
    if (this.#byCaller.size > RATES_MAX) {
      const [oldest] = this.#byCaller.keys()
      this.#byCaller.delete(oldest as string)
    }
    return rate.take(nowMs)
  }

  /** As `RequestRate.owe`. */
  owe(caller: string, requests: number, nowMs: number): number {
    return this.#byCaller.get(caller)?.owe(requests, nowMs) ?? 0
  }
}
