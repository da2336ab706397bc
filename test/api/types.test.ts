/** Counters and sets over HTTP at three real nodes: what they answer, and that concurrent updates add up. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import {
  startCluster,
  type TestAnswer,
  type TestCluster,
  type TestRequest,
} from './test-cluster.ts'

const NODES = [0, 1, 2]
let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3, { QUORATE_MAX_VALUE_BYTES: '20000' })
  for (const node of NODES) {
    const isReady = async (): Promise<void> =>
      expect((await cluster.request(node, '/readyz')).status).toBe(200)
    await vi.waitFor(isReady, { timeout: 45_000 })
  }
  for (const [name, bucket] of [
    ['counts', { mode: 'counter' }],
    ['tags', { mode: 'set' }],
    // Two owners, so that one node has to send updates on.
    ['few-counts', { mode: 'counter', n: 2 }],
    ['few-tags', { mode: 'set', n: 2 }],
  ] as const) {
    const made = await cluster.request(0, `/v1/buckets/${name}`, {
      method: 'PUT',
      body: JSON.stringify(bucket),
    })
    expect([made.status, JSON.parse(made.text)]).toMatchObject([201, bucket])
    for (const node of NODES) {
      const isKnown = async (): Promise<void> =>
        expect((await cluster.request(node, `/v1/buckets/${name}`)).status).toBe(200)
      await vi.waitFor(isKnown, { timeout: 45_000 })
    }
  }
})

afterAll(() => cluster.stop())

const request = (node: number, path: string, given?: TestRequest): Promise<TestAnswer> =>
  cluster.request(node, `/v1/kv/${path}`, given)
const post = (node: number, path: string, change: unknown): Promise<TestAnswer> =>
  request(node, path, {
    method: 'POST',
    body: JSON.stringify(change),
    headers: { 'content-type': 'application/json' },
  })
const valueOf = async (node: number, path: string): Promise<unknown> => {
  const { status, text } = await request(node, path)
  expect(status).toBe(200)
  return (JSON.parse(text) as { value: unknown }).value
}

describe('counters', () => {
  test('an increment answers 204 and says how it went; a get gives the sum', async () => {
    const added = await post(0, 'counts/first', { increment: 5 })
    expect([added.status, added.text]).toEqual([204, ''])
    expect(added.headers).toMatchObject({
      'quorate-quorum': expect.stringMatching(/^need=2, got=[23], hinted=0$/) as string,
      'quorate-consistency': 'quorum',
      'quorate-context': expect.stringMatching(/^[A-Za-z0-9_-]+$/) as string,
      etag: expect.stringMatching(/^"[0-9a-f]+"$/) as string,
    })
    expect(added.headers['quorate-siblings']).toBeUndefined()
    await post(1, 'counts/first', { increment: -7 })
    const last = await post(2, 'counts/first?consistency=all', { increment: 4 })
    for (const node of NODES) {
      const { status, headers, text } = await request(node, 'counts/first')
      expect([status, text]).toEqual([200, '{"value":2}\n'])
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'content-security-policy': 'sandbox',
        etag: last.headers['etag'],
      })
      expect(headers['quorate-siblings']).toBeUndefined()
      expect(Date.parse(String(headers['last-modified']))).toBeGreaterThan(0)
    }
    const known = { headers: { 'if-none-match': String(last.headers['etag']) } }
    expect((await request(0, 'counts/first', known)).status).toBe(304)
  })

  test.each(['counts', 'few-counts'])(
    '200 increments at once through three nodes are 200 in %s',
    async (bucket) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) => post(i % 3, `${bucket}/busy`, { increment: 1 })),
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204))
      for (const node of NODES) expect(await valueOf(node, `${bucket}/busy`)).toBe(200)
      expect(await valueOf(0, `${bucket}/busy?consistency=all`)).toBe(200)
    },
  )

  test('an increment of nothing makes a counter of zero', async () => {
    expect((await request(0, 'counts/zero')).status).toBe(404)
    await post(0, 'counts/zero', { increment: 0 })
    expect(await valueOf(1, 'counts/zero')).toBe(0)
  })

  test('numbers stay exact up to the limit, and are refused beyond it', async () => {
    await post(0, 'counts/high', { increment: Number.MAX_SAFE_INTEGER - 1 })
    await post(0, 'counts/high?consistency=all', { increment: 1 })
    const refused = await post(0, 'counts/high', { increment: 1 })
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      409,
      { code: 'limit_reached', outcome: 'rejected' },
    ])
    const elsewhere = await post(1, 'counts/high', { increment: 1 })
    expect([elsewhere.status, JSON.parse(elsewhere.text)]).toMatchObject([
      409,
      { code: 'limit_reached', detail: expect.stringContaining('9007199254740991') as string },
    ])
    expect(await valueOf(0, 'counts/high')).toBe(Number.MAX_SAFE_INTEGER)
    expect((await post(0, 'counts/high', { increment: -1 })).status).toBe(204)
    await post(0, 'counts/low', { increment: Number.MIN_SAFE_INTEGER })
    expect(await valueOf(1, 'counts/low')).toBe(Number.MIN_SAFE_INTEGER)
  })

  test('a deleted counter is absent, and begins anew', async () => {
    await post(0, 'counts/gone?consistency=all', { increment: 5 })
    const deleted = await request(1, 'counts/gone', { method: 'DELETE' })
    expect([deleted.status, deleted.headers['quorate-existed']]).toEqual([204, 'true'])
    const absent = await request(2, 'counts/gone')
    expect([absent.status, JSON.parse(absent.text)]).toMatchObject([404, { code: 'key_absent' }])
    expect(absent.headers['quorate-context']).toBeDefined()
    await post(2, 'counts/gone', { increment: 3 })
    expect(await valueOf(0, 'counts/gone')).toBe(3)
  })

  test('an update at weak is accepted, not stored', async () => {
    expect((await post(0, 'counts/weak?consistency=weak', { increment: 1 })).status).toBe(202)
    await expect
      .poll(async () => (await request(0, 'counts/weak?consistency=eventual')).text)
      .toBe('{"value":1}\n')
  })
})

describe('sets', () => {
  test('elements are added and removed, and told in order, each once', async () => {
    const added = await post(0, 'tags/first', { add: ['pear', 'apple', 'ä', 'apple', '🍎'] })
    expect([added.status, added.headers['quorate-siblings']]).toEqual([204, undefined])
    await post(1, 'tags/first', { add: ['fig'], remove: ['pear'] })
    for (const node of NODES) {
      const { status, headers, text } = await request(node, 'tags/first')
      expect([status, text]).toEqual([200, '{"value":["apple","fig","ä","🍎"]}\n'])
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
      })
      expect(headers['quorate-siblings']).toBeUndefined()
    }
  })

  test.each(['tags', 'few-tags'])('what is added at once is all there in %s', async (bucket) => {
    const elements = Array.from({ length: 60 }, (_, i) => `e${String(i).padStart(2, '0')}`)
    const answers = await Promise.all(
      elements.map((element, i) => post(i % 3, `${bucket}/busy`, { add: [element, 'common'] })),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204))
    for (const node of NODES) {
      expect(await valueOf(node, `${bucket}/busy`)).toEqual(['common', ...elements])
    }
  })

  test('a removed element may come back; one that is not there may be removed', async () => {
    await post(0, 'tags/back?consistency=all', { add: ['a', 'b'] })
    await post(1, 'tags/back?consistency=all', { remove: ['a', 'never'] })
    expect(await valueOf(2, 'tags/back')).toEqual(['b'])
    await post(2, 'tags/back', { add: ['a'] })
    expect(await valueOf(0, 'tags/back')).toEqual(['a', 'b'])
  })

  test('an emptied set is empty; a deleted one is absent', async () => {
    await post(0, 'tags/empty?consistency=all', { add: ['a'] })
    await post(1, 'tags/empty?consistency=all', { remove: ['a'] })
    expect(await valueOf(2, 'tags/empty')).toEqual([])
    await post(0, 'tags/empty', { add: ['b'] })
    await request(1, 'tags/empty', { method: 'DELETE' })
    expect((await request(2, 'tags/empty')).status).toBe(404)
    await post(1, 'tags/empty', { add: ['c'] })
    expect(await valueOf(0, 'tags/empty')).toEqual(['c'])
  })

  test('a set that grows beyond the largest value is refused, and can shrink', async () => {
    const elements = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(600, '.'))
    expect((await post(0, 'tags/large?consistency=all', { add: elements })).status).toBe(204)
    const refused = await post(1, 'tags/large', { add: ['x'.repeat(1000), 'y'.repeat(1000)] })
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      409,
      { code: 'limit_reached', outcome: 'rejected' },
    ])
    expect((await post(1, 'tags/large', { remove: elements.slice(0, 9) })).status).toBe(204)
    expect((await post(1, 'tags/large', { add: ['x'.repeat(1000)] })).status).toBe(204)
  })
})

describe('types in a torn cluster', () => {
  const LINKS_FILE = 'links.json'
  let torn: TestCluster
  const on = (node: number, path: string, method = 'GET', body = ''): Promise<TestAnswer> =>
    torn.request(node, path, body === '' ? { method } : { method, body })
  const linksOfFirst = (): string => join(torn.dataDirs[0] as string, LINKS_FILE)
  /** The first node and these do not hear of each other. */
  const cutFirst = async (peers: readonly string[]): Promise<void> => {
    const faults = peers.map((peer) => ({
      id: peer,
      peer,
      direction: 'both',
      lossPercent: 100,
      untilMs: Date.now() + 600_000,
    }))
    await writeFile(linksOfFirst(), JSON.stringify({ faults }))
    const isCut = async (): Promise<void> =>
      expect((await on(0, '/v1/kv/tags/x?consistency=all&timeout=100')).status).not.toBe(404)
    await vi.waitFor(isCut, { timeout: 45_000 })
  }

  beforeEach(async () => {
    torn = await startCluster(3, { QUORATE_CHAOS: '1' })
    for (const node of NODES) {
      const isReady = async (): Promise<void> =>
        expect((await on(node, '/readyz')).status).toBe(200)
      await vi.waitFor(isReady, { timeout: 45_000 })
    }
    await on(0, '/v1/buckets/tags', 'PUT', '{"mode":"set"}')
  })

  afterEach(() => torn.stop())

  test('a remove at quorum sees what a quorum has acknowledged, one at eventual need not', async () => {
    await cutFirst(['n3'])
    const path = '/v1/kv/tags/k'
    expect((await on(0, path, 'POST', '{"add":["a","b","c"]}')).status).toBe(204)
    const blindly = await on(2, `${path}?consistency=eventual`, 'POST', '{"remove":["a"]}')
    expect(blindly.status).toBe(204)
    expect((await on(2, path, 'POST', '{"remove":["b"]}')).status).toBe(204)
    // The third node may have got the elements from the second one before the first remove.
    expect(['{"value":["a","c"]}\n', '{"value":["c"]}\n']).toContain((await on(1, path)).text)
  })

  test('without an owner in reach, a node takes increments and adds, and refuses removes', async () => {
    await on(0, '/v1/buckets/few-tags', 'PUT', '{"mode":"set","n":1,"consistency":"eventual"}')
    await on(0, '/v1/buckets/few', 'PUT', '{"mode":"counter","n":1,"consistency":"eventual"}')
    const ownedByThird = async (bucket: string): Promise<string> => {
      for (let i = 0; i < 100; i++) {
        const { text } = await on(0, `/v1/cluster/ring?bucket=${bucket}&key=k${i}`)
        const { preference } = JSON.parse(text) as { preference: { node: string }[] }
        if (preference[0]?.node === 'n3') return `/v1/kv/${bucket}/k${i}`
      }
      throw new Error('the third node owns none of the keys')
    }
    const tags = await ownedByThird('few-tags')
    const count = await ownedByThird('few')
    expect((await on(0, tags, 'POST', '{"add":["a","b"]}')).status).toBe(204)
    expect((await on(0, count, 'POST', '{"increment":1}')).status).toBe(204)
    await cutFirst(['n2', 'n3'])
    const refused = async (): Promise<void> => {
      const { status, text } = await on(0, `${tags}?timeout=300`, 'POST', '{"remove":["b"]}')
      expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'quorum_unreachable' }])
    }
    // Until the cut is noticed, the owner is asked, and the outcome is not known.
    await vi.waitFor(refused, { timeout: 45_000 })
    expect((await on(0, tags, 'POST', '{"add":["c"]}')).status).toBe(204)
    expect((await on(0, count, 'POST', '{"increment":20}')).status).toBe(204)
    expect((await on(0, count, 'POST', '{"increment":300}')).status).toBe(204)
    expect((await on(2, count, 'POST', '{"increment":4000}')).status).toBe(204)
    expect((await on(0, count)).text).toBe('{"value":320}\n')
    await rm(linksOfFirst())
    const { text } = await on(0, '/v1/cluster/hints/sync?timeout=15000', 'POST')
    expect(JSON.parse(text)).toMatchObject({ synced: true })
    expect((await on(1, tags)).text).toBe('{"value":["a","b","c"]}\n')
    expect((await on(1, count)).text).toBe('{"value":4321}\n')
  })
})

test('types: a listing has one entry for each, with its size, and no conflicts', async () => {
  await Promise.all(NODES.map((node) => post(node, 'counts/listed', { increment: 10 })))
  await post(0, 'tags/listed?consistency=all', { add: ['abc', 'de'] })
  const list = async (path: string): Promise<unknown> =>
    JSON.parse((await cluster.request(1, `/v1/keys/${path}`)).text)
  expect(await list('counts?prefix=listed')).toMatchObject({
    keys: [{ key: 'listed', siblings: 1, size: expect.any(Number) as number }],
  })
  expect(await list('tags?prefix=listed')).toMatchObject({
    keys: [{ key: 'listed', siblings: 1, size: 5 }],
  })
  expect(await list('counts?conflicted=true')).toMatchObject({ keys: [], next: null })
})

const JSON_HEADERS = { 'content-type': 'application/json' }
const increment = (body: string, headers: Record<string, string> = JSON_HEADERS): TestRequest => ({
  method: 'POST',
  body,
  headers,
})

test.each<[path: string, code: ErrorCode, words: string, request: TestRequest]>([
  ['counts/k', 'mode_mismatch', '{"increment":1}', { method: 'PUT', body: '5' }],
  ['tags/k', 'mode_mismatch', '{"add":', { method: 'PUT', body: '5' }],
  ['default/k', 'mode_mismatch', 'use PUT', increment('{"increment":1}')],
  ['latest/k', 'mode_mismatch', 'use PUT', increment('{"increment":1}')],
  ['counts/k', 'bad_request', 'empty', increment('')],
  ['counts/k', 'bad_request', '{"increment":1}', increment('{}')],
  ['counts/k', 'bad_request', 'whole number', increment('{"increment":1.5}')],
  ['counts/k', 'bad_request', 'not "\\"1\\""', increment('{"increment":"1"}')],
  ['counts/k', 'bad_request', 'whole number', increment('{"increment":null}')],
  ['counts/k', 'bad_request', '9007199254740991', increment('{"increment":9007199254740992}')],
  ['counts/k', 'bad_request', 'whole number', increment('{"increment":1e999}')],
  ['counts/k', 'bad_request', 'no member "by"', increment('{"increment":1,"by":2}')],
  ['counts/k', 'bad_request', 'no member "__proto__"', increment('{"__proto__":1}')],
  ['counts/k', 'bad_request', 'allowed: increment', increment('{"add":["a"]}')],
  ['counts/k', 'bad_request', 'JSON object', increment('[1]')],
  ['counts/k', 'bad_request', 'not JSON', increment('{increment:1}')],
  ['counts/k', 'unsupported_media_type', 'xml', increment('<a/>', { 'content-type': 'text/xml' })],
  [
    'counts/k',
    'unsupported_media_type',
    'Content-Encoding',
    increment('x', { ...JSON_HEADERS, 'content-encoding': 'gzip' }),
  ],
  [
    'counts/k',
    'mode_mismatch',
    'if-match',
    increment('{"increment":1}', { ...JSON_HEADERS, 'if-match': '"a"' }),
  ],
  ['counts/k?ttl=5', 'bad_parameter', 'no parameter "ttl"', increment('{"increment":1}')],
  ['counts/k?resolve=lww', 'bad_parameter', 'no parameter "resolve"', {}],
  ['tags/k?sibling=a', 'bad_parameter', 'no parameter "sibling"', {}],
  ['tags/k', 'bad_request', 'allowed: add, remove', increment('{"increment":1}')],
  ['tags/k', 'bad_request', 'nothing', increment('{"add":[]}')],
  ['tags/k', 'bad_request', 'list of strings', increment('{"add":"a"}')],
  ['tags/k', 'bad_request', 'item 1 is "1"', increment('{"add":["a",1]}')],
  ['tags/k', 'bad_request', 'empty', increment('{"add":[""]}')],
  ['tags/k', 'bad_request', 'item 0', increment('{"remove":[null]}')],
  ['tags/k', 'bad_request', 'surrogate', increment('{"add":["\\ud800"]}')],
  ['tags/k', 'bad_request', 'adds and removes', increment('{"add":["a"],"remove":["a"]}')],
  ['tags/k', 'bad_request', '1026 bytes', increment(`{"add":["${'é'.repeat(513)}"]}`)],
  ['tags/k', 'value_too_large', 'at most 20000', increment(`{"add":["${'e'.repeat(20_000)}"]}`)],
])('types: bad input at %s: %s, %s', async (path, code, words, given) => {
  const { status, text } = await request(0, path, given)
  expect([status, JSON.parse(text)]).toMatchObject([ERRORS[code].status, { code }])
  expect((JSON.parse(text) as { detail: string }).detail).toContain(words)
  expect((await request(0, path.split('?', 1)[0] as string)).status).toBe(404)
})
