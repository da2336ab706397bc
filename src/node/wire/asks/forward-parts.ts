/** The parts that the asks to coordinate a client's request have in common. */
import type { Content } from '../../../core/causality/sibling.ts'
import type { VersionVector } from '../../../core/causality/version-vector.ts'
import {
  type ErrorCode,
  type ErrorDetails,
  ERRORS,
  QuorateError,
  REPLICA_STATUSES,
  type ReplicaReport,
} from '../../../core/errors.ts'
import type { Encodable } from '../../../ports/codec.ts'
import { decodeSession, decodeVector, encodeSession, encodeVector } from '../object-record.ts'
import type { Fields } from './ask-format.ts'
import { bytesIn, listIn, numberIn, textIn } from './fields.ts'

/** How the request ended at the node that coordinated it. */
export type ForwardAnswer<Result> =
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: QuorateError }

/** [true, …result] or [false, …error] */
export function encodeForwardAnswer<Result>(
  answer: ForwardAnswer<Result>,
  message: Encodable[],
  encodeResult: (result: Result, message: Encodable[]) => void,
): void {
  message.push(answer.type === 'done')
  if (answer.type === 'done') encodeResult(answer.result, message)
  else encodeError(answer.error, message)
}

/** Throws on garbage. `resultIn` must do the same. */
export function decodeForwardAnswer<Result>(
  [isDone, ...fields]: Fields,
  resultIn: (fields: Fields) => Result,
): ForwardAnswer<Result> {
  return isDone === true
    ? { type: 'done', result: resultIn(fields) }
    : { type: 'failed', error: errorIn(fields) }
}

function encodeError({ code, message: words, details }: QuorateError, message: Encodable[]): void {
  const { required, received, retryAfterSeconds, replicas } = details
  message.push(code, words, required ?? null, received ?? null, retryAfterSeconds ?? null)
  message.push(encodeReports(replicas ?? []))
}

function errorIn([
  code,
  words,
  required,
  received,
  retryAfterSeconds,
  reports,
]: Fields): QuorateError {
  const known: ErrorCode = Object.hasOwn(ERRORS, textIn(code)) ? (code as ErrorCode) : 'internal'
  const details: ErrorDetails = {
    replicas: decodeReports(reports),
    ...(typeof required === 'number' ? { required } : {}),
    ...(typeof received === 'number' ? { received } : {}),
    ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
  }
  return new QuorateError(known, textIn(words), details)
}

/** Number of fields that `encodeContent` appends. */
export const CONTENT_FIELDS = 5

/** [value, contentType, tombstone, expiresAtMs, dependencies or null] */
export function encodeContent(content: Content, message: Encodable[]): void {
  const { value, contentType, tombstone, expiresAtMs, dependencies } = content
  const past = dependencies === undefined ? null : encodeSession(dependencies)
  message.push(value, contentType, tombstone, expiresAtMs, past)
}

/** Throws on garbage. */
export function decodeContent([value, contentType, tombstone, expiresAtMs, past]: Fields): Content {
  return {
    // Copy the bytes, so that the value does not keep its frame in memory.
    value: new Uint8Array(bytesIn(value)),
    contentType: textIn(contentType),
    tombstone: tombstone === true,
    expiresAtMs: numberIn(expiresAtMs),
    ...(past === null ? {} : { dependencies: decodeSession(past) }),
  }
}

export function encodeReports(reports: readonly ReplicaReport[]): Encodable[] {
  return reports.map(({ node, status, error, ms }) => [node, status, error ?? null, ms])
}

/** Throws on garbage. */
export function decodeReports(field: unknown): ReplicaReport[] {
  return listIn(field).map((item) => {
    const [node, status, error, ms] = listIn(item)
    const report = { node: textIn(node), status: statusIn(status), ms: numberIn(ms) }
    return error === null ? report : { ...report, error: textIn(error) }
  })
}

const STATUSES: ReadonlySet<unknown> = new Set(REPLICA_STATUSES)

/** A report only informs, so a status of a newer version must not spoil the whole answer. */
function statusIn(field: unknown): ReplicaReport['status'] {
  return STATUSES.has(field) ? (field as ReplicaReport['status']) : 'error'
}

/** Null in place of undefined. */
export function encodeMaybeVector(vector: VersionVector | undefined): Encodable {
  return vector === undefined ? null : encodeVector(vector)
}

/** Throws on garbage. */
export function decodeMaybeVector(field: unknown): VersionVector | undefined {
  return field === null ? undefined : decodeVector(field)
}

/** A text that an older version does not send. */
export function maybeTextIn(field: unknown): string | undefined {
  return field === null || field === undefined ? undefined : textIn(field)
}
