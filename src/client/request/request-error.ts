/**
 * The errors of requests. The class says what a program may conclude: rejected, unknown, or wrong from the start. The
 * code is that of the server's catalogue.
 */
import type { ErrorCode as CatalogueCode, ReplicaReport } from '../../core/errors.ts'

/** `unreachable`: no node answered, and nothing of a write was sent. */
export type ErrorCode = CatalogueCode | 'unreachable'
export type Outcome = 'rejected' | 'unknown'

/** The answer of a node to a request that failed (RFC 9457). */
export interface Problem {
  readonly code: ErrorCode
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly required?: number
  readonly received?: number
  readonly replicas?: readonly ReplicaReport[]
  readonly requestId?: string
}

/** One attempt that failed. */
export interface Attempt {
  readonly endpoint: string
  /** Undefined if no answer came. */
  readonly status: number | undefined
  readonly code: ErrorCode
  /** What this attempt alone may have done. */
  readonly outcome: Outcome
  readonly detail: string
  readonly ms: number
}

export interface RequestErrorParts {
  readonly code: ErrorCode
  readonly detail: string
  readonly retryable: boolean
  readonly attempts: readonly Attempt[]
  readonly problem?: Problem | undefined
  readonly cause?: unknown
}

export abstract class RequestError extends Error {
  abstract readonly outcome: Outcome
  readonly code: ErrorCode
  /** Whether the same call does no harm if it is made again, and may succeed then. Never true of an unknown outcome. */
  readonly retryable: boolean
  /** In order; empty if nothing was sent. */
  readonly attempts: readonly Attempt[]
  /** The problem document behind `code`, if a node sent one. */
  readonly problem: Problem | undefined

  constructor(parts: RequestErrorParts) {
    super(messageOf(parts), parts.cause === undefined ? {} : { cause: parts.cause })
    this.code = parts.code
    this.retryable = parts.retryable
    this.attempts = parts.attempts
    this.problem = parts.problem
  }
}

/** Nothing of the request was or will be applied. */
export class RejectedError extends RequestError {
  override readonly name = 'RejectedError'
  readonly outcome = 'rejected'
}

/** The write may have been applied, or may be applied yet. Read the key to find out. */
export class UnknownOutcomeError extends RequestError {
  override readonly name = 'UnknownOutcomeError'
  readonly outcome = 'unknown'
}

/** The request is wrong, whatever the state of the cluster. Nothing of it was applied. Change the program. */
export class UsageError extends RequestError {
  override readonly name = 'UsageError'
  readonly outcome = 'rejected'
}

/** The codes of status 4xx that depend on the state of the cluster. All others are the program's fault. */
const STATE_CODES: readonly ErrorCode[] = [
  'unauthenticated',
  'forbidden',
  'token_unknown',
  'token_exists',
  'bad_session',
  'watch_position_gone',
  'key_absent',
  'sibling_absent',
  'bucket_unknown',
  'bucket_conflict',
  'bucket_not_empty',
  'too_many_siblings',
  'limit_reached',
  'change_refused',
  'change_under_way',
  'precondition_failed',
]

export function rejection(parts: RequestErrorParts): RejectedError | UsageError {
  const { code, problem } = parts
  const isUsage =
    problem !== undefined &&
    problem.status >= 400 &&
    problem.status < 500 &&
    !problem.retryable &&
    !STATE_CODES.includes(code)
  return isUsage ? new UsageError(parts) : new RejectedError(parts)
}

function messageOf({ code, detail, attempts }: RequestErrorParts): string {
  const tried = attempts.map(
    ({ endpoint, status, code: each, ms }) =>
      `${endpoint}: ${status === undefined ? '' : `${status} `}${each} after ${Math.round(ms)} ms`,
  )
  return `${detail} [${code}]${tried.length === 0 ? '' : ` (${tried.join('; ')})`}`
}
