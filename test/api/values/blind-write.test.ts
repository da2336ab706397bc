/** Which errors a caller that may not read the key is told in full. */
import { expect, test } from 'vitest'
import { toldBlindly } from '../../../src/api/values/blind-write.ts'
import { type ErrorCode, ERRORS, QuorateError } from '../../../src/core/errors.ts'

/** These follow from the request, the bucket and the node alone. A new code belongs here only if it does, too. */
const PLAIN: readonly ErrorCode[] = [
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
const DETAIL = 'the key holds 17 bytes'

test.each(Object.keys(ERRORS) as ErrorCode[])('%s', (code) => {
  const details = {
    required: 2,
    received: 1,
    replicas: [{ node: 'n1', status: 'error', error: DETAIL, ms: 1 } as const],
    retryAfterSeconds: 30,
  }
  const error = new QuorateError(code, DETAIL, details)
  const told = toldBlindly(error)
  expect(told.kind.status).toBe(error.kind.status)
  expect(told.kind.outcome).toBe(error.kind.outcome)
  if (PLAIN.includes(code)) {
    expect(told).toBe(error)
    return
  }
  expect(told.message).not.toContain('17')
  expect(told.details).toEqual({})
  expect(told.code).toBe(code === 'record_corrupt' ? 'storage_failed' : code)
})
