/**
 * What an attempt brought: an answer, or a failure with its outcome. A rejection is believed from two witnesses only: a
 * node's problem document, or a connection that never came about. All else may have been applied.
 */
import type { Failure } from './call.ts'
import type { ErrorCode, Problem } from './request-error.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer>
  /** The code of the problem; undefined if the status is below 400. */
  readonly code: ErrorCode | undefined
  /** Whether an earlier attempt of the same request may have been applied. */
  readonly isAfterUnknown?: boolean
  /** Instead of the body, if the answer is a stream of events. */
  readonly stream?: ReadableStream<Uint8Array>
}

/**
 * What Node.js was doing when it failed before any byte was sent. The code of an error does not tell: a connection in
 * use ends with EHOSTUNREACH, too, if the network is cut.
 */
const CONNECTING: readonly unknown[] = ['connect', 'getaddrinfo']
const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT'
/**
 * The certificate of the node is refused. TLS compares it before it sends the request. The codes are those of Node.js.
 */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate of the node has expired',
  CERT_NOT_YET_VALID: 'the certificate of the node is not valid yet',
  CERT_SIGNATURE_FAILURE: 'the CA of the node is not known here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the CA of the node is not known here',
  SELF_SIGNED_CERT_IN_CHAIN: 'the CA of the node is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'the CA of the node is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the CA of the node is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the CA of the node is not known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the node is for another host name',
}
const TLS_FAULTS: Readonly<Record<string, string>> = {
  ...CERTIFICATE_FAULTS,
  ERR_SSL_WRONG_VERSION_NUMBER: 'the node speaks plain HTTP there, not HTTPS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the node speaks plain HTTP there, not HTTPS',
}
const RETRY_AFTER_SECONDS_MAX = 3600

/** An answer, if its status is one of `statuses`. An absent key is an answer. Any other problem is a failure. */
export function answerOrFailure(
  statuses: readonly number[],
  { status, headers, body }: Omit<Answer, 'code'>,
): Answer | Failure {
  const code = status < 400 ? undefined : problemOf({ headers, body })?.code
  const answer = { status, headers, body, code }
  const isAnswer = statuses.includes(status) && (status < 400 || code === 'key_absent')
  return isAnswer ? answer : failureOfAnswer(answer)
}

/** Undefined if the answer is no problem document of a node. */
export function problemOf(answer: {
  headers: Headers
  body: Uint8Array<ArrayBuffer>
}): Problem | undefined {
  if (!/^application\/problem\+json\b/.test(answer.headers.get('content-type') ?? '')) {
    return undefined
  }
  const problem = parseJson(answer.body)
  return isProblem(problem) ? problem : undefined
}

function failureOfAnswer({ status, headers, body }: Answer): Failure {
  const problem = problemOf({ headers, body })
  const retryAfterMs = retryAfterMsOf(headers)
  if (problem === undefined) {
    const detail = `the answer with status ${status} is not one of a node`
    return { ...noAnswer(detail, undefined), status, retryAfterMs }
  }
  const { code, detail, outcome, retryable } = problem
  return { code, detail, outcome, retryable, problem, status, retryAfterMs, ...SENT }
}

/** `error` is what `fetch` rejected with. */
export function failureOfThrown(error: unknown): Failure {
  const reason = reasonOf(error)
  if (!isUnsent(error)) return noAnswer(`the connection failed: ${reason}`, error)
  return {
    ...noAnswer(`no connection: ${reason}`, error),
    code: 'unreachable',
    outcome: 'rejected',
    isUnsent: true,
  }
}

export function failureOfSilence(timeoutMs: number): Failure {
  const detail = `no answer after ${Math.round(timeoutMs)} ms`
  return { ...noAnswer(detail, undefined), code: 'deadline_passed' }
}

/** An answer that brings nothing, although its status is good. Asking again may bring more. */
export function emptyAnswer(code: ErrorCode, detail: string, status: number): Failure {
  return { ...noAnswer(detail, undefined), code, status }
}

const SENT = { isUnsent: false, cause: undefined } as const

function noAnswer(detail: string, cause: unknown): Failure {
  return {
    code: 'outcome_unknown',
    detail,
    outcome: 'unknown',
    retryable: true,
    isUnsent: false,
    status: undefined,
    retryAfterMs: undefined,
    problem: undefined,
    cause,
  }
}

/** In seconds. The other form, a date, needs a clock that the client does not have. */
function retryAfterMsOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after') ?? ''
  if (!/^[0-9]{1,9}$/.test(text)) return undefined
  return Math.min(Number(text), RETRY_AFTER_SECONDS_MAX) * 1000
}

function isUnsent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  // `fetch` refuses some ports, such as 6000, without connecting.
  if (cause instanceof Error && cause.message === 'bad port') return true
  // One error for each address of the host: nothing was sent only if no address could be reached.
  const each = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause]
  return each.length > 0 && each.every(isOfConnecting)
}

function isOfConnecting(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isConnecting = 'syscall' in error && CONNECTING.includes(error.syscall)
  const code = codeOf(error)
  return isConnecting || code === CONNECT_TIMEOUT || wordsIn(CERTIFICATE_FAULTS, code) !== undefined
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function wordsIn(faults: Readonly<Record<string, string>>, code: unknown): string | undefined {
  return typeof code === 'string' && Object.hasOwn(faults, code) ? faults[code] : undefined
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = codeOf(cause)
  if (typeof code === 'string') {
    const words = wordsIn(TLS_FAULTS, code)
    return words === undefined ? code : `${words} (${code})`
  }
  const told = cause instanceof Error ? cause : error
  return told instanceof Error ? told.message : String(told)
}

export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined // Not JSON: the callers take any shape.
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false
  const { code, title, status, detail, outcome, retryable } = value as Record<string, unknown>
  return (
    [code, title, detail].every((text) => typeof text === 'string') &&
    typeof status === 'number' &&
    (outcome === 'rejected' || outcome === 'unknown') &&
    typeof retryable === 'boolean'
  )
}
