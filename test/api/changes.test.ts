/** What is wrong with a change of the members is said before anything of it is done. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { startCluster, type TestCluster, type TestRequest } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
})

afterAll(() => cluster.stop())

test.each<[what: string, path: string, request: TestRequest, code: ErrorCode, words: string]>([
  [
    'a plan of nothing',
    '/v1/cluster/plan',
    { method: 'POST' },
    'bad_parameter',
    'exactly one of join, leave, replace, remove, not none',
  ],
  [
    'a plan that is to be cancelled',
    '/v1/cluster/plan',
    { method: 'POST', body: '{"cancel":true}' },
    'bad_parameter',
    'allowed: join, leave, replace, remove.',
  ],
  [
    'a plan with a timeout',
    '/v1/cluster/plan?timeout=5',
    { method: 'POST', body: '{"leave":"n1"}' },
    'bad_parameter',
    'allowed: none',
  ],
  [
    'a change of two members',
    '/v1/cluster/apply',
    { method: 'POST', body: '{"join":"n6","leave":"n1"}' },
    'bad_parameter',
    'join and leave',
  ],
  [
    'a change of no JSON',
    '/v1/cluster/apply',
    { method: 'POST', body: 'leave n1' },
    'bad_request',
    'not JSON',
  ],
  [
    'a change of 5 KB',
    '/v1/cluster/apply',
    { method: 'POST', body: `{"leave":"${'n'.repeat(5000)}"}` },
    'value_too_large',
    '4096 bytes',
  ],
  [
    'a change without time',
    '/v1/cluster/apply?timeout=0',
    { method: 'POST', body: '{"leave":"n1"}' },
    'bad_parameter',
    'timeout',
  ],
  [
    'a cancel of nothing',
    '/v1/cluster/apply',
    { method: 'POST', body: '{"cancel":true}' },
    'change_refused',
    '',
  ],
  ['a read of the plan', '/v1/cluster/plan', {}, 'method_not_allowed', 'POST'],
  ['a write of the moves', '/v1/cluster/moves', { method: 'PUT' }, 'method_not_allowed', 'GET'],
])('changes: refuses %s', async (_what, path, request, code, words) => {
  const { status, headers, text } = await cluster.request(0, path, request)
  expect(headers['content-type']).toBe('application/problem+json')
  expect([status, JSON.parse(text)]).toMatchObject([
    ERRORS[code].status,
    { code, outcome: 'rejected' },
  ])
  expect((JSON.parse(text) as { detail: string }).detail).toContain(words)
})

test('changes: without one nothing moves', async () => {
  const { status, text } = await cluster.request(0, '/v1/cluster/moves')
  expect([status, JSON.parse(text)]).toMatchObject([200, { change: null }])
})
