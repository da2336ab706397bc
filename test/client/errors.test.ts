/** How each code of the server's catalogue reaches a program. A new code needs a place in one of these lists. */
import { expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { testClient } from './test-client.ts'
import { problem } from './virtual-world.ts'

/** As a write is told, which is not repeated. */
const CLASSES = {
  UsageError: [
    'bad_request',
    'bad_parameter',
    'bad_key',
    'bad_bucket',
    'bad_context',
    'partial_write',
    'cross_origin',
    'idempotency_unsupported',
    'path_unknown',
    'method_not_allowed',
    'mode_mismatch',
    'bucket_permanent',
    'value_too_large',
    'unsupported_media_type',
    'expectation_failed',
    'host_not_allowed',
    'certificate_required',
    'idempotency_key_reused',
    'headers_too_large',
  ],
  RejectedError: [
    'request_timeout',
    'unauthenticated',
    'forbidden',
    'token_unknown',
    'token_exists',
    'bad_session',
    'key_absent',
    'sibling_absent',
    'bucket_unknown',
    'bucket_conflict',
    'bucket_not_empty',
    'too_many_siblings',
    'limit_reached',
    'change_refused',
    'change_under_way',
    'watch_position_gone',
    'precondition_failed',
    'quorum_unreachable',
    'overloaded',
    'rate_limited',
    'storage_full',
    'storage_failed',
    'record_corrupt',
    'clock_drift',
    'not_ready',
    'not_a_member',
    'session_past_unreachable',
  ],
  UnknownOutcomeError: ['internal', 'outcome_unknown', 'deadline_passed'],
} as const satisfies Record<string, readonly ErrorCode[]>

test('every code has a class', () => {
  expect(Object.values(CLASSES).flat().sort()).toEqual(Object.keys(ERRORS).sort())
})

test.each(Object.entries(CLASSES))('a write gets a %s for its codes', async (name, codes) => {
  for (const code of codes) {
    const { clock, store, client } = testClient({ retry: false })
    store.before = () => problem(code)
    const write = clock.run(client.bucket('default').put('k', 'v'))
    const { outcome } = ERRORS[code]
    await expect(write).rejects.toMatchObject({ name, code, outcome, problem: { code } })
  }
})

test('a read is never told that its outcome is unknown', async () => {
  for (const code of CLASSES.UnknownOutcomeError) {
    const { clock, store, client } = testClient({ retry: false })
    store.before = () => problem(code)
    const read = clock.run(client.bucket('default').get('k'))
    await expect(read).rejects.toMatchObject({ name: 'RejectedError', code })
  }
})

test('rejections are repeated if the catalogue says so, and only then', async () => {
  for (const code of [...CLASSES.UsageError, ...CLASSES.RejectedError]) {
    const { clock, store, client } = testClient()
    store.before = () => problem(code)
    const write = clock.run(client.bucket('default').put('k', 'v'))
    await expect(write).rejects.toMatchObject({ code })
    expect([code, store.seen.length]).toEqual([code, ERRORS[code].retryable ? 5 : 1])
  }
})
