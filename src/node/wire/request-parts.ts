/** Encodes the parts that several kinds of forwarded requests and answers have in common. */
import {
  type ErrorCode,
  type ErrorDetails,
  ERRORS,
  QuorateError,
  type ReplicaReport,
} from '../../core/errors.ts'
import type { Content } from '../../core/causality/sibling.ts'
import type { Encodable } from '../../ports/codec.ts'
import { decodeSession, encodeSession } from './object-record.ts'

/** Number of fields that `encodeContent` gives. */
export const CONTENT_FIELDS = 5

export function encodeContent(content: Content): Encodable[] {
  const { value, contentType, tombstone, expiresAtMs, dependencies } = content
  const past = dependencies === undefined ? null : encodeSession(dependencies)
  return [value, contentType, tombstone, expiresAtMs, past]
}

/** Throws on garbage. */
export function decodeContent(data: readonly unknown[]): Content {
  const [value, contentType, tombstone, expiresAtMs, dependencies] = data
  if (!(value instanceof Uint8Array)) throw new Error('not what a client writes')
  return {
    // Copy the bytes, so that the value does not keep its frame in memory.
    value: new Uint8Array(value),
    contentType: String(contentType),
    tombstone: tombstone === true,
    expiresAtMs: Number(expiresAtMs),
    ...(dependencies === null ? {} : { dependencies: decodeSession(dependencies) }),
  }
}

export function encodeFailure(error: QuorateError): Encodable[] {
  const { required, received, retryAfterSeconds, replicas } = error.details
  return [
    false,
    error.code,
    error.message,
    required ?? null,
    received ?? null,
    retryAfterSeconds ?? null,
    encodeReports(replicas ?? []),
  ]
}

export function decodeFailure(body: readonly Encodable[]): QuorateError {
  const [, code, message, required, received, retryAfterSeconds, reports] = body
  const known: ErrorCode = Object.hasOwn(ERRORS, String(code)) ? (code as ErrorCode) : 'internal'
  const details: ErrorDetails = {
    replicas: decodeReports(reports),
    ...(typeof required === 'number' ? { required } : {}),
    ...(typeof received === 'number' ? { received } : {}),
    ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
  }
  return new QuorateError(known, String(message), details)
}

export function encodeReports(reports: readonly ReplicaReport[]): Encodable[] {
  return reports.map(({ node, status, error, ms }) => [node, status, error ?? null, ms])
}

export function decodeReports(data: Encodable | undefined): ReplicaReport[] {
  return (
    (data ?? []) as unknown as [string, ReplicaReport['status'], string | null, number][]
  ).map(([node, status, error, ms]) =>
    error === null ? { node, status, ms } : { node, status, error, ms },
  )
}
