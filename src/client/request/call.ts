/**
 * One request as a pure state machine: where and when its next attempt begins, and how it ends if no attempt succeeds.
 * It sends nothing and reads no clock.
 *
 * Invariants: no attempt begins at or after the deadline, and none may take longer. After an attempt whose outcome is
 * unknown, another one begins only if the request may be repeated, and only while the nodes remember its name. A call
 * with such an attempt never ends as rejected, unless it is a read.
 */
import { type Endpoint, type EndpointRing, REST_MS } from './endpoint-ring.ts'
import {
  type Attempt,
  type ErrorCode,
  type Outcome,
  type Problem,
  rejection,
  RejectedError,
  type RequestError,
  type RequestErrorParts,
  UnknownOutcomeError,
} from './request-error.ts'

/** With less time, an attempt would give up on a node that is only slow, although there is time to wait. */
const ATTEMPT_MS_MIN = 500
/** Nodes remember the name of a write for ten minutes. Half of that leaves room for the repeated attempt itself. */
const NAME_MS = 300_000

export interface RetryPolicy {
  /** All attempts, the first one included. */
  readonly attempts: number
  /** The longest pause before the second attempt. It doubles with each further one, up to `maxMs`. */
  readonly baseMs: number
  readonly maxMs: number
}

export interface CallPlan {
  /** For messages: the method and the path. */
  readonly what: string
  /** Reads change nothing, so their failures are never unknown. */
  readonly isRead: boolean
  /** Whether the request may take effect twice, or the server sees to it that it does not. True for reads. */
  readonly isRepeatable: boolean
  readonly deadlineMs: number
  readonly retry: RetryPolicy
  /** The endpoints in the order in which they are preferred. */
  readonly endpoints: readonly Endpoint[]
}

/** Why an attempt brought no answer. */
export interface Failure {
  readonly code: ErrorCode
  readonly detail: string
  readonly outcome: Outcome
  /** For a rejection: whether another attempt may succeed. */
  readonly retryable: boolean
  /** Whether no connection came about, so that no node has seen the attempt. */
  readonly isUnsent: boolean
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly problem: Problem | undefined
  readonly cause: unknown
}

export interface NextAttempt {
  readonly endpoint: Endpoint
  readonly startMs: number
  readonly timeoutMs: number
}

interface FailedAttempt {
  readonly endpoint: Endpoint
  readonly failure: Failure
  readonly record: Attempt
}

export class Call {
  readonly #plan: CallPlan
  readonly #ring: EndpointRing
  readonly #failed: FailedAttempt[] = []
  /** The call does not return to these endpoints before these times. */
  readonly #notBeforeMs = new Map<Endpoint, number>()
  /** When the first attempt of unknown outcome began. */
  #unknownSinceMs: number | undefined

  constructor(plan: CallPlan, ring: EndpointRing) {
    this.#plan = plan
    this.#ring = ring
  }

  /** Undefined if no further attempt is allowed. `fraction` is random: it chooses the pause (full jitter). */
  next(nowMs: number, fraction: number): NextAttempt | undefined {
    const { deadlineMs, retry, isRepeatable } = this.#plan
    const attemptsLeft = retry.attempts - this.#failed.length
    if (attemptsLeft <= 0 || !this.#mayRepeat()) return undefined
    const { endpoint, readyMs } = this.#choose(nowMs)
    const startMs = Math.max(nowMs, readyMs) + this.#pauseMs(endpoint, fraction)
    const leftMs = deadlineMs - startMs
    if (leftMs <= 0 || this.#isForgotten(startMs)) return undefined
    const shareMs = Math.max(ATTEMPT_MS_MIN, leftMs / attemptsLeft)
    return { endpoint, startMs, timeoutMs: isRepeatable ? Math.min(leftMs, shareMs) : leftMs }
  }

  failed(endpoint: Endpoint, failure: Failure, beganMs: number, nowMs: number): void {
    const { status, code, outcome, detail, retryable, retryAfterMs } = failure
    const record = { endpoint: endpoint.url, status, code, outcome, detail, ms: nowMs - beganMs }
    this.#failed.push({ endpoint, failure, record })
    if (outcome === 'unknown') this.#unknownSinceMs ??= beganMs
    if (retryAfterMs !== undefined) this.#notBeforeMs.set(endpoint, nowMs + retryAfterMs)
    if (retryable || outcome === 'unknown') {
      this.#ring.rest(endpoint, nowMs + (retryAfterMs ?? REST_MS))
    }
  }

  /** Whether some attempt may have been applied. `isUnderWay`: an attempt has begun and has no answer. */
  mayBeApplied(isUnderWay: boolean): boolean {
    return !this.#plan.isRead && (isUnderWay || this.#failed.some(isUnknown))
  }

  /** The end of a call of which no attempt succeeded. */
  error(): RequestError {
    const { isRead, what } = this.#plan
    const unknown = isRead ? undefined : this.#failed.find(isUnknown)
    // What a node said explains more than a missing answer.
    const told = this.#failed.findLast(({ failure }) => failure.problem !== undefined)
    const chosen = unknown ?? told ?? this.#failed.at(-1)
    if (chosen === undefined) return timeIsOver(what)
    const attempts = this.#failed.map(({ record }) => record)
    return errorOf(what, isRead, chosen.failure, attempts)
  }

  /** The end of a call that its program ended, after an attempt that may have been applied. */
  abandoned(reason: unknown): UnknownOutcomeError {
    return new UnknownOutcomeError({
      code: 'outcome_unknown',
      detail: `${this.#plan.what} may have been applied: the program ended the call after it was sent.`,
      retryable: false,
      attempts: this.#failed.map(({ record }) => record),
      cause: reason,
    })
  }

  #mayRepeat(): boolean {
    const last = this.#failed.at(-1)
    if (last === undefined) return true
    if (this.#failed.some(isUnknown) && !this.#plan.isRepeatable) return false
    return last.failure.outcome === 'unknown' || last.failure.retryable
  }

  /** Whether nodes may have forgotten an attempt of unknown outcome by then. */
  #isForgotten(startMs: number): boolean {
    if (this.#plan.isRead || this.#unknownSinceMs === undefined) return false
    return startMs > this.#unknownSinceMs + NAME_MS
  }

  /** The best endpoint, and when this call may ask it. */
  #choose(nowMs: number): { endpoint: Endpoint; readyMs: number } {
    const ranked = this.#plan.endpoints.map((endpoint, place) => ({
      endpoint,
      readyMs: Math.max(nowMs, this.#notBeforeMs.get(endpoint) ?? 0),
      rank: [Number(this.#ring.isResting(endpoint, nowMs)), this.#triesOf(endpoint), place],
    }))
    const [best] = ranked.sort((a, b) => a.readyMs - b.readyMs || compare(a.rank, b.rank))
    return best as { endpoint: Endpoint; readyMs: number }
  }

  #pauseMs(endpoint: Endpoint, fraction: number): number {
    const last = this.#failed.at(-1)
    if (last === undefined) return 0
    // No node has seen the last attempt, so a pause would relieve none.
    if (last.failure.isUnsent && this.#triesOf(endpoint) === 0) return 0
    const { baseMs, maxMs } = this.#plan.retry
    return fraction * Math.min(maxMs, baseMs * 2 ** (this.#failed.length - 1))
  }

  #triesOf(endpoint: Endpoint): number {
    return this.#failed.filter((failed) => failed.endpoint === endpoint).length
  }
}

/** The end of a call by a failure. `what` is the request. */
export function errorOf(
  what: string,
  isRead: boolean,
  failure: Failure,
  attempts: readonly Attempt[],
): RequestError {
  const { code, detail, retryable, problem, cause } = failure
  const partsOf = (verdict: string): RequestErrorParts => {
    return { code, detail: `${what} ${verdict}: ${detail}`, retryable, attempts, problem, cause }
  }
  if (!isRead && failure.outcome === 'unknown') {
    return new UnknownOutcomeError({ ...partsOf('may have been applied'), retryable: false })
  }
  const parts = partsOf(isRead ? 'failed' : 'was rejected')
  // No code of the catalogue says that a read got no answer, because no node says so.
  const isLost = isRead && problem === undefined && code === 'outcome_unknown'
  return rejection(isLost ? { ...parts, code: 'unreachable' } : parts)
}

/** The end of a call whose time was over before anything was sent. */
export function timeIsOver(what: string): RejectedError {
  const detail = `${what} was rejected: its time was over before anything was sent.`
  return new RejectedError({ code: 'deadline_passed', detail, retryable: true, attempts: [] })
}

function isUnknown({ failure }: FailedAttempt): boolean {
  return failure.outcome === 'unknown'
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i])
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number)
}
