/**
 * The one catalogue of errors: code, HTTP status, outcome and title. A code exists only if a caller would react
 * differently to it.
 *
 * `rejected`: nothing of the request was or will be applied anywhere, so it is safe to retry. `unknown`: it may have
 * been applied, or may be applied later.
 */
export const ERRORS = {
  bad_request: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'The request is malformed',
  },
  bad_parameter: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'A parameter is not allowed',
  },
  bad_key: { status: 400, outcome: 'rejected', retryable: false, title: 'The key is not allowed' },
  bad_bucket: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'The bucket name is not allowed',
  },
  bad_context: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'The context does not belong to this key',
  },
  bad_session: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'The session does not belong to this cluster',
  },
  partial_write: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'A value cannot be written in part',
  },
  unauthenticated: {
    status: 401,
    outcome: 'rejected',
    retryable: false,
    title: 'The request has no valid token',
  },
  forbidden: {
    status: 403,
    outcome: 'rejected',
    retryable: false,
    title: 'The token does not give this right',
  },
  certificate_required: {
    status: 403,
    outcome: 'rejected',
    retryable: false,
    title: 'The client must show a valid certificate',
  },
  cross_origin: {
    status: 403,
    outcome: 'rejected',
    retryable: false,
    title: 'The request comes from a foreign web page',
  },
  idempotency_unsupported: {
    status: 400,
    outcome: 'rejected',
    retryable: false,
    title: 'This bucket does not keep idempotency keys',
  },
  key_absent: {
    status: 404,
    outcome: 'rejected',
    retryable: false,
    title: 'The key does not exist',
  },
  sibling_absent: { status: 404, outcome: 'rejected', retryable: false, title: 'No such sibling' },
  bucket_unknown: {
    status: 404,
    outcome: 'rejected',
    retryable: false,
    title: 'The bucket does not exist',
  },
  token_unknown: {
    status: 404,
    outcome: 'rejected',
    retryable: false,
    title: 'There is no token with this name',
  },
  path_unknown: {
    status: 404,
    outcome: 'rejected',
    retryable: false,
    title: 'There is nothing at this path',
  },
  method_not_allowed: {
    status: 405,
    outcome: 'rejected',
    retryable: false,
    title: 'Method not allowed here',
  },
  request_timeout: {
    status: 408,
    outcome: 'rejected',
    retryable: true,
    title: 'The request did not arrive in time',
  },
  mode_mismatch: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'Not possible in this bucket',
  },
  bucket_conflict: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'The bucket exists with another mode',
  },
  token_exists: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'A token with this name exists',
  },
  bucket_not_empty: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'The bucket is not empty',
  },
  bucket_permanent: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'This bucket cannot be deleted',
  },
  too_many_siblings: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'The key has too many siblings',
  },
  limit_reached: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'A limit is reached',
  },
  change_refused: {
    status: 409,
    outcome: 'rejected',
    retryable: false,
    title: 'This change of the members is not possible',
  },
  change_under_way: {
    status: 409,
    outcome: 'rejected',
    retryable: true,
    title: 'Another change of the cluster is under way',
  },
  watch_position_gone: {
    status: 410,
    outcome: 'rejected',
    retryable: false,
    title: 'The changes after this position are gone',
  },
  precondition_failed: {
    status: 412,
    outcome: 'rejected',
    retryable: false,
    title: 'The condition does not hold',
  },
  value_too_large: {
    status: 413,
    outcome: 'rejected',
    retryable: false,
    title: 'The value is too large',
  },
  unsupported_media_type: {
    status: 415,
    outcome: 'rejected',
    retryable: false,
    title: 'Unsupported content type',
  },
  expectation_failed: {
    status: 417,
    outcome: 'rejected',
    retryable: false,
    title: 'The expectation cannot be met',
  },
  host_not_allowed: {
    status: 421,
    outcome: 'rejected',
    retryable: false,
    title: 'This host name is not allowed',
  },
  idempotency_key_reused: {
    status: 422,
    outcome: 'rejected',
    retryable: false,
    title: 'The idempotency key was used for another request',
  },
  rate_limited: {
    status: 429,
    outcome: 'rejected',
    retryable: true,
    title: 'Too many requests',
  },
  headers_too_large: {
    status: 431,
    outcome: 'rejected',
    retryable: false,
    title: 'The headers are too large',
  },
  internal: { status: 500, outcome: 'unknown', retryable: false, title: 'An internal error' },
  quorum_unreachable: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'Too few owners are in reach',
  },
  overloaded: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'The node is overloaded',
  },
  storage_full: { status: 503, outcome: 'rejected', retryable: true, title: 'The disk is full' },
  storage_failed: { status: 503, outcome: 'rejected', retryable: true, title: 'The disk failed' },
  record_corrupt: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'The stored record is damaged',
  },
  clock_drift: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'A clock is too far off',
  },
  not_ready: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'The node is starting or stopping',
  },
  not_a_member: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'The node is no longer a member of the cluster',
  },
  session_past_unreachable: {
    status: 503,
    outcome: 'rejected',
    retryable: true,
    title: 'Writes that the session has seen are out of reach',
  },
  outcome_unknown: {
    status: 504,
    outcome: 'unknown',
    retryable: false,
    title: 'The request may or may not have been applied',
  },
  deadline_passed: {
    status: 504,
    outcome: 'unknown',
    retryable: true,
    title: 'No answer before the deadline',
  },
} as const satisfies Record<string, ErrorKind>

export interface ErrorKind {
  readonly status: number
  readonly outcome: Outcome
  /** Whether the same request, sent again, may succeed. */
  readonly retryable: boolean
  readonly title: string
}

export type ErrorCode = keyof typeof ERRORS
export type Outcome = 'rejected' | 'unknown'

/**
 * An operating failure that ends a request. Bugs are assertions. An absent key is a value in `core` and `node`, not an
 * error.
 */
export class QuorateError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'QuorateError'
    this.code = code
    this.details = details
  }

  get kind(): ErrorKind {
    return ERRORS[this.code]
  }
}

export interface ErrorDetails {
  /** How many replies the level needed, and how many arrived. */
  readonly required?: number
  readonly received?: number
  readonly replicas?: readonly ReplicaReport[]
  /** After how many whole seconds to retry. */
  readonly retryAfterSeconds?: number
  /** The methods that the path allows, for status 405. */
  readonly allow?: readonly string[]
}

/** `hinted`: the node keeps the write for an owner that was out of reach. */
export const REPLICA_STATUSES = [
  'ok',
  'hinted',
  'repaired',
  'refused',
  'timeout',
  'unreachable',
  'error',
  'pending',
] as const

/** The answer of one node to a coordinator. */
export interface ReplicaReport {
  readonly node: string
  readonly status: (typeof REPLICA_STATUSES)[number]
  readonly error?: string
  /** Time from the coordinator's question to the answer. */
  readonly ms: number
}
