/**
 * Requests that a client sends again under their `Idempotency-Key`, as after a timeout: what they come to over HTTP, in
 * buckets of every mode, through each of three nodes.
 */
import { request as send } from 'undici'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../api/test-cluster.ts'

const NODES = [0, 1, 2]
const JSON_TYPE = { 'content-type': 'application/json' }
let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3, { QUORATE_BUCKETS: 'visits=counter,tags=set' })
  for (const node of NODES) {
    await vi.waitFor(
      async () => {
        expect((await cluster.request(node, '/readyz')).status).toBe(200)
        expect((await cluster.request(node, '/v1/buckets/visits')).status).toBe(200)
        expect((await cluster.request(node, '/v1/buckets/tags')).status).toBe(200)
      },
      { timeout: 45_000 },
    )
  }
})

afterAll(() => cluster.stop())

interface Sent {
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly query?: string
}

const ask = (
  node: number,
  method: string,
  path: string,
  key: string | undefined,
  { body, headers = {}, query = '' }: Sent = {},
): Promise<TestAnswer> =>
  cluster.request(node, `/v1/kv/${path}${query}`, {
    method,
    headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    ...(body === undefined ? {} : { body }),
  })
const count = (node: number, key: string, by: number): Promise<TestAnswer> =>
  ask(node, 'POST', 'visits/home', key, {
    body: JSON.stringify({ increment: by }),
    headers: JSON_TYPE,
  })
const textOf = async (node: number, path: string): Promise<string> =>
  (await ask(node, 'GET', path, undefined)).text
const problemOf = ({ status, text }: TestAnswer): unknown[] => {
  const { code, outcome } = JSON.parse(text) as { code: string; outcome: string }
  return [status, code, outcome]
}
const REUSED = [422, 'idempotency_key_reused', 'rejected']

test('a counter is incremented once, however often and through whatever node it is asked', async () => {
  for (const node of NODES) expect((await count(node, 'a1', 1)).status).toBe(204)
  for (const node of NODES) expect(await textOf(node, 'visits/home')).toBe('{"value":1}\n')
  for (const node of NODES) expect(problemOf(await count(node, 'a1', 2))).toEqual(REUSED)
  // All at once.
  const all = await Promise.all([...NODES, ...NODES].map((node) => count(node, 'a2', 10)))
  expect(all.map(({ status }) => status)).toEqual(all.map(() => 204))
  for (const node of NODES) expect(await textOf(node, 'visits/home')).toBe('{"value":11}\n')
})

test('a counter is deleted once, and what was deleted is not counted again', async () => {
  await count(0, 'before', 5)
  const first = await ask(1, 'DELETE', 'visits/home', 'gone')
  expect([first.status, first.headers['quorate-existed']]).toEqual([204, 'true'])
  expect((await count(2, 'before', 5)).status).toBe(204)
  expect(await textOf(0, 'visits/home')).toContain('key_absent')
  await count(0, 'after', 3)
  const again = await ask(2, 'DELETE', 'visits/home', 'gone')
  expect([again.status, again.headers['quorate-existed']]).toEqual([204, 'true'])
  expect(problemOf(await count(1, 'gone', 1))).toEqual(REUSED)
  expect(await textOf(1, 'visits/home')).toBe('{"value":3}\n')
})

test('a strong write under the key of another one is refused, and the same one is answered alike', async () => {
  const put = (key: string, sent: Sent): Promise<TestAnswer> =>
    ask(0, 'PUT', 'strong/f', key, { body: 'one', ...sent })
  const first = await put('1', {})
  expect(first.status).toBe(204)
  const others: Sent[] = [
    { body: 'two' },
    { headers: { 'content-type': 'text/plain' } },
    { headers: { 'if-match': '*' } },
    { query: '?ttl=60' },
  ]
  for (const other of others) expect(problemOf(await put('1', other))).toEqual(REUSED)
  for (const node of NODES) {
    expect(problemOf(await ask(node, 'DELETE', 'strong/f', '1'))).toEqual(REUSED)
    const again = await ask(node, 'PUT', 'strong/f', '1', { body: 'one', query: '?timeout=1500' })
    expect([again.status, again.headers['etag']]).toEqual([204, first.headers['etag']])
  }
  expect(await textOf(2, 'strong/f')).toBe('one')
  const ttl = { body: 'short', query: '?ttl=60' }
  for (const node of NODES) {
    expect((await ask(node, 'PUT', 'strong/ttl', '2', ttl)).status).toBe(204)
  }
})

test.each([
  ['PUT', 'default/k', 'x'],
  ['DELETE', 'default/k', undefined],
  ['PUT', 'latest/k', 'x'],
  ['DELETE', 'latest/k', undefined],
  ['POST', 'tags/k', '{"add":["a"]}'],
  ['DELETE', 'tags/k', undefined],
])('%s %s refuses a key, for it would not be kept', async (method, path, body) => {
  const answer = await ask(0, method, path, 'b', {
    headers: JSON_TYPE,
    ...(body === undefined ? {} : { body }),
  })
  expect(problemOf(answer)).toEqual([400, 'idempotency_unsupported', 'rejected'])
  expect((await ask(1, 'GET', path, undefined)).status).toBe(404)
})

test.each([
  ['two keys', ['once', 'twice']],
  ['the same key twice', ['once', 'once']],
  ['an empty key', ['']],
  ['a long key', ['x'.repeat(256)]],
  ['a key that is not ASCII', ['caf\u00e9']],
])('%s is a bad request', async (_, keys) => {
  for (const path of ['strong/bad', 'visits/bad']) {
    const isCounter = path.startsWith('visits')
    const { statusCode, body } = await send(
      `http://127.0.0.1:${cluster.nodes[0]?.clientPort}/v1/kv/${path}`,
      {
        method: isCounter ? 'POST' : 'PUT',
        headers: { ...JSON_TYPE, 'idempotency-key': keys },
        body: '{"increment":1}',
      },
    )
    expect([statusCode, await body.json()]).toMatchObject([400, { code: 'bad_request' }])
    expect((await ask(0, 'GET', path, undefined)).status).toBe(404)
  }
})
