/** Every failure a client can see is one of the catalogue. */
import { expect, test } from 'vitest'
import { asQuorateError, problemDocument } from '../../../src/api/http/problem.ts'
import { ERRORS, QuorateError, type ErrorCode } from '../../../src/core/errors.ts'

const CODES = Object.keys(ERRORS) as ErrorCode[]

test.each(CODES)('problem: %s says what the catalogue says', (code) => {
  const { status, outcome, retryable, title } = ERRORS[code]
  expect(problemDocument(code, 'why', {}, 'id-1')).toEqual({
    type: `/problems/${code}`,
    title,
    status,
    detail: 'why',
    code,
    outcome,
    retryable,
    requestId: 'id-1',
  })
})

test.each(CODES)('problem: %s has an outcome that fits its status', (code) => {
  const { status, outcome } = ERRORS[code]
  // A client that gets one of these may send the request again without asking what became of it.
  if (status < 500 || status === 503) expect(outcome).toBe('rejected')
  else expect(outcome).toBe('unknown')
})

test('problem: says how many replies were needed and what each node answered', () => {
  const details = {
    required: 2,
    received: 1,
    replicas: [{ node: 'n2', status: 'timeout', ms: 3 }],
  } as const
  expect(problemDocument('outcome_unknown', '', details, 'x')).toMatchObject(details)
})

test('problem: an unknown error is internal, and its text stays inside', () => {
  const error = asQuorateError(new Error('secret'))
  expect(error.code).toBe('internal')
  expect(error.message).not.toContain('secret')
})

test('problem: knows its own errors and those of the HTTP layer', () => {
  const own = new QuorateError('bad_key', 'why')
  expect(asQuorateError(own)).toBe(own)
  const foreign = (code: string, statusCode: number): ErrorCode =>
    asQuorateError(Object.assign(new Error('x'), { code, statusCode })).code
  expect(foreign('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415)).toBe('unsupported_media_type')
  expect(foreign('FST_ERR_BAD_URL', 400)).toBe('bad_request')
  expect(foreign('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400)).toBe('bad_request')
  expect(foreign('FST_ERR_SOMETHING', 500)).toBe('internal')
})
