/**
 * A token that may write and not read. Each request is sent to two keys that differ only in what the token may not see:
 * one holds as much as its bucket takes, and others have used its idempotency keys; the other one never existed. Both
 * answers must be equal to the byte.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestAnswer, TestRequest } from '../test-cluster.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

const SIBLINGS_MAX = 100
const ELEMENTS_MAX = 10_000
/** Room for no increment of this size is left. */
const COUNT = 5e15
const USED = { 'idempotency-key': 'used' }

interface Row extends TestRequest {
  readonly query?: string
}
type Bucket = 'default' | 'latest' | 'strong' | 'counts' | 'sets'

const put = (headers: Record<string, string> = {}, query = ''): Row => ({
  method: 'PUT',
  body: 'x',
  headers,
  query,
})
const post = (body: string, headers: Record<string, string> = {}): Row => ({
  method: 'POST',
  body,
  headers,
})

/** Each of them may end in an error of its own in a bucket of some mode. */
const PLAIN: readonly Row[] = [
  put(),
  put({ 'quorate-context': 'none' }),
  put({ 'quorate-context': 'wrong' }),
  put({ 'quorate-session': 'wrong' }),
  put({ 'if-match': '"0000000000000000"' }),
  put({ 'if-match': '*' }),
  put({ 'if-none-match': '*' }),
  put({ 'if-unmodified-since': 'Mon, 30 Nov 2026 12:00:00 GMT' }),
  put(USED),
  put({ 'idempotency-key': '' }),
  put({ 'content-encoding': 'gzip' }),
  put({ 'content-type': 'nothing' }),
  put({ 'content-range': 'bytes 0-0/1' }),
  ...['weak', 'eventual', 'causal', 'quorum', 'all', 'strong'].map((level) =>
    put({}, `?consistency=${level}`),
  ),
  ...['?ttl=60', '?trace=true', '?w=1&r=1', '?sloppy=true', '?sibling=1', '?timeout=0'].map(
    (query) => put({}, query),
  ),
  { ...put(), body: 'x'.repeat(1_048_577) },
  post('{"increment":1}'),
  post('{'),
  { method: 'DELETE' },
  { method: 'DELETE', headers: USED },
  { method: 'GET' },
  { method: 'HEAD' },
  { method: 'PATCH' },
]
const COUNTER: readonly Row[] = [
  ...[1, -1, 0, 1_000_000, -1_000_000, 1_000_001, COUNT, -COUNT, Number.MAX_SAFE_INTEGER].map(
    (increment) => post(JSON.stringify({ increment })),
  ),
  post('{"increment":2}', USED),
  post('{"increment":1.5}'),
  post('{"add":["a"]}'),
  put(),
  { method: 'DELETE' },
  { method: 'DELETE', headers: USED },
]
const SET: readonly Row[] = [
  ...[
    { add: ['new'] },
    { add: ['e0'] },
    { add: ['new'], remove: ['e0'] },
    { remove: ['e0'] },
    { remove: ['never'] },
    { add: ['x'.repeat(1025)] },
    {},
  ].map((change) => post(JSON.stringify(change))),
  put(),
  { method: 'DELETE' },
]
const TABLE: readonly [Bucket, readonly Row[]][] = [
  ['default', PLAIN],
  ['latest', PLAIN],
  ['strong', PLAIN],
  ['counts', COUNTER],
  ['sets', SET],
]

let cluster: GuardedCluster
let blind: string

beforeAll(async () => {
  // A busy machine must not end one request of a pair for lack of time.
  cluster = await startGuarded(1, { QUORATE_REQUEST_TIMEOUT_MS: '60000' })
  for (const [bucket, mode] of [
    ['counts', 'counter'],
    ['sets', 'set'],
  ]) {
    await root(`/v1/buckets/${bucket}`, { method: 'PUT', body: JSON.stringify({ mode }) })
  }
  blind = await cluster.token('blind', { bucket: '*', prefix: 'w/', rights: ['write'] })
})

afterAll(() => cluster.stop())

async function root(path: string, request: TestRequest): Promise<void> {
  const { status, text } = await cluster.ask(ROOT_TOKEN, path, request)
  if (status >= 300) throw new Error(`${path}: ${text}`)
}

/** Fills the key as far as its bucket takes it. Many siblings take time, and matter only to writes with a context. */
async function fill(bucket: Bucket, key: string, hasContext: boolean): Promise<void> {
  const path = `/v1/kv/${bucket}/${key}`
  switch (bucket) {
    case 'default':
      for (let i = 0; i < (hasContext ? SIBLINGS_MAX : 2); i++) {
        await root(path, put({ 'quorate-context': 'none' }))
      }
      return
    case 'latest':
      return root(path, { method: 'PUT', body: 'y'.repeat(1000) })
    case 'strong':
      return root(path, { method: 'PUT', body: 'y'.repeat(1000), headers: USED })
    case 'counts':
      return root(path, post(JSON.stringify({ increment: COUNT }), USED))
    case 'sets': {
      const add = Array.from({ length: ELEMENTS_MAX }, (_, i) => `e${i}`)
      return root(path, post(JSON.stringify({ add })))
    }
    default:
      return bucket satisfies never
  }
}

/** Everything of the answer, but the clock and the name of the key. */
function shown({ status, headers, text }: TestAnswer, key: string): string {
  const { date: _, ...told } = headers
  return JSON.stringify([status, told, text]).replaceAll(key, 'KEY')
}

let pairs = 0

/** The names of two keys of the same length, of which the first one is filled. */
async function twoKeys(bucket: Bucket, hasContext = false): Promise<[string, string]> {
  const number = pairs++
  const keys: [string, string] = [`w/full-${number}`, `w/none-${number}`]
  await fill(bucket, keys[0], hasContext)
  return keys
}

test.each(TABLE)('%s: no answer tells what a key holds', async (bucket, rows) => {
  const told: string[] = []
  for (const { query = '', ...request } of rows) {
    const answers = []
    const hasContext = request.headers?.['quorate-context'] !== undefined
    for (const key of await twoKeys(bucket, hasContext)) {
      const headers = { ...request.headers, 'x-request-id': 'same' }
      const path = `/v1/kv/${bucket}/${key}${query}`
      answers.push(shown(await cluster.ask(blind, path, { ...request, headers }), key))
    }
    const words = `${request.method} ${query} ${JSON.stringify(request.headers ?? {})}`
    expect(`${words} ${answers[0]}`).toBe(`${words} ${answers[1]}`)
    told.push(answers[0] as string)
  }
  // Some were done, some were refused.
  expect(new Set(told.map((text) => text.slice(1, 4))).size).toBeGreaterThan(2)
})

test('no answer to an operation of a batch tells what a key holds', async () => {
  for (const bucket of ['default', 'latest', 'strong', 'counts', 'sets'] as const) {
    const keys = await twoKeys(bucket, true)
    const answers = []
    for (const key of keys) {
      const at = { bucket, key }
      const operations = [
        { op: 'put', ...at, value: 'x', context: 'none' },
        { op: 'put', ...at, value: 'x', ifNoneMatch: '*' },
        { op: 'put', ...at, value: 'x', idempotencyKey: 'used' },
        { op: 'put', ...at, value: 'x', consistency: 'causal' },
        { op: 'put', ...at, value: 'x' },
        { op: 'delete', ...at },
      ]
      const headers = { 'x-request-id': 'same' }
      const body = JSON.stringify({ operations })
      answers.push(
        shown(await cluster.ask(blind, '/v1/batch', { method: 'POST', body, headers }), key),
      )
    }
    expect(answers[0]).toBe(answers[1])
    expect(answers[0]).toContain('"status\\":')
  }
})

test('the idempotency keys of the token are its own, and hold', async () => {
  const path = '/v1/kv/counts/w/own'
  const increment = (key: string, by: number): Promise<TestAnswer> =>
    cluster.ask(blind, path, post(JSON.stringify({ increment: by }), { 'idempotency-key': key }))
  await root(path, post('{"increment":1}', { 'idempotency-key': 'k' }))
  for (let i = 0; i < 3; i++) expect((await increment('k', 10)).status).toBe(204)
  // Only this tells of a key, and the caller has used that key itself.
  const reused = await increment('k', 20)
  expect(codeOf(reused)).toBe('idempotency_key_reused')
  expect((await cluster.ask(ROOT_TOKEN, path)).text).toBe('{"value":11}\n')
})

test('at the end of its range a counter refuses, and shows no number', async () => {
  const path = '/v1/kv/counts/w/end'
  await root(path, post(JSON.stringify({ increment: Number.MAX_SAFE_INTEGER })))
  const answer = await cluster.ask(blind, path, post('{"increment":1}'))
  expect(codeOf(answer)).toBe('limit_reached')
  const { detail } = JSON.parse(answer.text) as { detail: string }
  expect(detail).not.toMatch(/\d/)
})
