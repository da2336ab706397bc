/** The comparison of answers with the document finds every kind of difference. */
import { expect, test } from 'vitest'
import { type AnswerToCheck, expectDocumented } from './documented-answer.ts'

const JSON_TYPE = { 'content-type': 'application/json', 'x-request-id': 'r' }
const PROBLEM_TYPE = { 'content-type': 'application/problem+json', 'x-request-id': 'r' }
const LIVE: AnswerToCheck = { status: 200, headers: JSON_TYPE, text: '{"live":true}' }

const problem = (code: string, status: number, more: object = {}): AnswerToCheck => ({
  status,
  headers: PROBLEM_TYPE,
  text: JSON.stringify({
    type: `/problems/${code}`,
    title: 'A title',
    status,
    detail: 'A detail.',
    code,
    outcome: 'rejected',
    retryable: false,
    requestId: 'r',
    ...more,
  }),
})

test('documented answer: takes what the document says', () => {
  expectDocumented('GET', '/livez', LIVE)
  expectDocumented('GET', '/livez', problem('host_not_allowed', 421))
  expectDocumented('HEAD', '/livez', { ...LIVE, text: '' })
  expectDocumented('GET', '/nowhere', problem('path_unknown', 404))
})

test.each<[what: string, path: string, answer: AnswerToCheck, words: string]>([
  ['another status', '/livez', { ...LIVE, status: 201 }, 'the type application/json'],
  ['a member too much', '/livez', { ...LIVE, text: '{"live":true,"n":1}' }, 'additional'],
  ['a member too few', '/livez', { ...LIVE, text: '{}' }, 'required'],
  ['a member of another type', '/livez', { ...LIVE, text: '{"live":1}' }, 'boolean'],
  ['no request id', '/livez', { ...LIVE, headers: { 'content-type': 'application/json' } }, 'Id'],
  [
    'an unknown header',
    '/livez',
    { ...LIVE, headers: { ...JSON_TYPE, 'quorate-new': '1' } },
    'quorate-new',
  ],
  [
    'another media type',
    '/livez',
    { ...LIVE, headers: { ...JSON_TYPE, 'content-type': 'text/html' } },
    'text/html',
  ],
  ['a code of another path', '/livez', problem('key_absent', 404), 'allowed values'],
  ['another status of the code', '/livez', problem('internal', 503), 'status'],
  ['a problem with more', '/livez', problem('internal', 500, { stack: 'at' }), 'unevaluated'],
  ['an answer from nowhere', '/nowhere', LIVE, 'no problem document'],
])('documented answer: refuses %s', (_what, path, answer, words) => {
  expect(() => expectDocumented('GET', path, answer)).toThrow(words)
})
