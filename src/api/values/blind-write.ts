/**
 * A blind write: its caller may write the key, and may not read it. Its answer must not depend on what is stored. So it
 * uses nothing that would make the answer depend on that, and its errors have no details of the key.
 *
 * Two answers remain:
 * - Near the end of a counter's range, an increment is refused.
 * - A counter that remembers as many idempotency keys as it can refuses further ones (node/write/update-names.ts). So its
 *   caller can count the updates that others have sent with a key in the last minutes.
 */
import { type ErrorCode, ERRORS, QuorateError } from '../../core/errors.ts'
import type { TypeChange } from '../../node/service/service.ts'
import type { KvParameters } from './kv-parameters.ts'
import type { KvRequest } from './kv-request.ts'

const READING_HEADERS = {
  'if-match': 'If-Match',
  'if-none-match': 'If-None-Match',
  // A write that replaces only what its client has seen can be refused because of the siblings that are there.
  'quorate-context': 'Quorate-Context',
  'quorate-session': 'Quorate-Session',
} as const
/** A larger increment could find out the count: the number that just does not exceed the range shows it. */
const INCREMENT_MAX = 1_000_000

/** Errors that say why a request is refused, without a look at the key. All others come without details. */
const PLAIN_ERRORS: readonly ErrorCode[] = [
  'bad_request',
  'bad_parameter',
  'bad_key',
  'bad_bucket',
  'unauthenticated',
  'forbidden',
  'idempotency_unsupported',
  'bucket_unknown',
  'mode_mismatch',
  'value_too_large',
  'unsupported_media_type',
  'not_ready',
  'not_a_member',
]

/** Throws forbidden. */
export function refuseReading(
  { headers }: KvRequest,
  { trace }: KvParameters,
  level: string | undefined,
): void {
  for (const [name, shown] of Object.entries(READING_HEADERS)) {
    if (headers[name] !== undefined) throw forbidden(`the header ${shown}`)
  }
  if (level === 'causal') throw forbidden('consistency=causal')
  if (trace) throw forbidden('trace=true')
}

/** Throws forbidden if a limit of the counter or set could tell what it holds. */
export function refuseReadingChange(change: TypeChange): void {
  if (change.type === 'counter') {
    if (Math.abs(change.increment) <= INCREMENT_MAX) return
    throw forbidden(`an increment beyond ${INCREMENT_MAX}`)
  }
  // In a set that is almost full, a new element is refused and a present one is not.
  if (change.add.length > 0) throw forbidden('add in the update of a set')
}

/** The error as the caller is told it. A damaged record would show that there is a record. */
export function toldBlindly(error: QuorateError): QuorateError {
  if (PLAIN_ERRORS.includes(error.code)) return error
  const code = error.code === 'record_corrupt' ? 'storage_failed' : error.code
  const { title } = ERRORS[code]
  return new QuorateError(
    code,
    `${title}. Without the right to read this key, there are no details.`,
  )
}

function forbidden(what: string): QuorateError {
  return new QuorateError(
    'forbidden',
    `The token gives the right to write this key, and not to read it: without read, a write cannot use ${what}.`,
  )
}
