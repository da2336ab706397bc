/** Three real nodes over HTTP: any node takes any request, and what one of them knows the others learn. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  startCluster,
  type TestAnswer,
  type TestCluster,
  type TestRequest,
} from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
  for (const node of [0, 1, 2]) {
    const isReady = async (): Promise<void> =>
      expect((await request(node, '/readyz')).status).toBe(200)
    await vi.waitFor(isReady, { timeout: 45_000 })
  }
})

afterAll(() => cluster.stop())

const request = (node: number, path: string, given?: TestRequest): Promise<TestAnswer> =>
  cluster.request(node, path, given)
const put = (node: number, path: string, body: string, headers = {}): Promise<TestAnswer> =>
  request(node, `/v1/kv/${path}`, { method: 'PUT', body, headers })
const json = async (node: number, path: string, given?: TestRequest): Promise<unknown> =>
  JSON.parse((await request(node, path, given)).text)

test.each(['quorum', 'all', 'eventual'])(
  'clusters: what one node took at %s, all have at all',
  async (level) => {
    for (const node of [0, 1, 2]) {
      const written = await put(
        node,
        `default/level/${level}/${node}?consistency=${level}`,
        `${node}`,
      )
      expect(written.status).toBe(204)
      expect(written.headers['quorate-consistency']).toBe(level)
      for (const reader of [0, 1, 2]) {
        const read = await request(reader, `/v1/kv/default/level/${level}/${node}?consistency=all`)
        expect([read.status, read.text]).toEqual([200, `${node}`])
        expect(read.headers).toMatchObject({
          'quorate-quorum': 'need=3, got=3, hinted=0',
          'quorate-siblings': '1',
        })
      }
    }
  },
)

test('clusters: the overrides count for the request', async () => {
  const written = await put(0, 'default/counts?w=3&consistency=eventual', 'x')
  expect(written.headers['quorate-quorum']).toMatch(/^need=3, got=3, /)
  const read = await request(1, '/v1/kv/default/counts?r=1&consistency=all')
  expect(read.headers['quorate-quorum']).toMatch(/^need=1, /)
  const level = ({ headers }: TestAnswer): string | undefined => headers['quorate-consistency']
  // More copies than the level asks for keep its promise; fewer do not, and are not called by its name.
  expect(level(written)).toBe('eventual')
  expect(level(read)).toBe('custom')
  expect(level(await put(0, 'default/counts?w=1&consistency=quorum', 'x'))).toBe('custom')
  expect(level(await put(0, 'default/counts?w=1', 'x'))).toBe('custom')
  expect(level(await put(0, 'default/counts?w=3', 'x'))).toBe('quorum')
  const refused = await request(1, '/v1/kv/default/counts?r=4')
  expect(refused.status).toBe(400)
})

test('clusters: a context of one node is good at every other', async () => {
  const first = await put(0, 'default/shared', 'base')
  const context = { 'quorate-context': String(first.headers['quorate-context']) }
  await put(1, 'default/shared', 'left', context)
  await put(2, 'default/shared', 'right', context)
  const read = await request(0, '/v1/kv/default/shared')
  expect([read.status, read.headers['quorate-siblings']]).toEqual([300, '2'])
  const seen = { 'quorate-context': String(read.headers['quorate-context']) }
  expect((await put(1, 'default/shared', 'one', seen)).headers['quorate-siblings']).toBe('1')
  expect((await request(2, '/v1/kv/default/shared')).text).toBe('one')
})

test('clusters: the same value has the same tag at every node', async () => {
  await put(0, 'default/tag?consistency=all', 'x')
  const reads = await Promise.all([0, 1, 2].map((node) => request(node, '/v1/kv/default/tag')))
  expect(new Set(reads.map(({ headers }) => headers['etag'])).size).toBe(1)
})

test('clusters: a bucket made at one node is known to all, and made once', async () => {
  const body = JSON.stringify({ mode: 'lww', n: 2, consistency: 'eventual' })
  const made = await request(0, '/v1/buckets/carts', { method: 'PUT', body })
  expect(made.status).toBe(201)
  expect(made.headers['location']).toBe('/v1/buckets/carts')
  const bucket = {
    name: 'carts',
    mode: 'lww',
    n: 2,
    consistency: 'eventual',
    durability: 'sync',
    ttlSeconds: null,
  }
  expect(JSON.parse(made.text)).toEqual(bucket)
  const again = await request(1, '/v1/buckets/carts', { method: 'PUT', body })
  expect([again.status, JSON.parse(again.text)]).toEqual([200, bucket])
  const other = await request(2, '/v1/buckets/carts', {
    method: 'PUT',
    body: '{"mode":"siblings"}',
  })
  expect([other.status, JSON.parse(other.text)]).toMatchObject([409, { code: 'bucket_conflict' }])
  await expect.poll(() => json(2, '/v1/buckets/carts')).toEqual(bucket)
  const { buckets } = (await json(2, '/v1/buckets')) as { buckets: { name: string }[] }
  expect(buckets.map(({ name }) => name)).toEqual(['carts', 'default', 'latest', 'strong'])
  const written = await put(2, 'carts/k', 'x')
  expect([written.status, written.headers['quorate-consistency']]).toEqual([204, 'eventual'])
})

test('clusters: lists the live keys of a bucket in order, a page at a time', async () => {
  const keys = ['list/a', 'list/b/c', 'list/ä', 'list/z']
  for (const key of keys) await put(0, `latest/${encodeURIComponent(key)}`, 'xy')
  await put(1, 'latest/list%2Fgone', 'x')
  await request(1, '/v1/kv/latest/list%2Fgone', { method: 'DELETE' })
  const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const first = (await json(2, '/v1/keys/latest?prefix=list%2F&limit=3')) as Page
  expect(first.keys.map(({ key }) => key)).toEqual(sorted.slice(0, 3))
  expect(first).toMatchObject({ complete: true, keys: [{ size: 2, siblings: 1 }, {}, {}] })
  const after = encodeURIComponent(String(first.next))
  const rest = (await json(2, `/v1/keys/latest?prefix=list/&after=${after}`)) as Page
  expect(rest.keys.map(({ key }) => key)).toEqual(sorted.slice(3))
  expect([rest.next, rest.complete]).toEqual([null, true])
  const value = await request(1, `/v1/kv/latest/${encodeURIComponent('list/a')}`)
  expect(first.keys[0]?.etag).toBe(value.headers['etag'])
})

interface Page {
  readonly keys: readonly { key: string; size: number; siblings: number; etag: string }[]
  readonly next: string | null
  readonly complete: boolean
}

test('clusters: streams keys as lines, the last of which says whether that was all', async () => {
  for (const key of ['1', '2', '3']) await put(0, `default/lines/${key}`, 'x')
  const answer = await request(1, '/v1/keys/default?prefix=lines/', {
    headers: { accept: 'application/x-ndjson' },
  })
  expect(answer.headers['content-type']).toBe('application/x-ndjson')
  const lines = answer.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { key?: string })
  expect(lines.slice(0, 3).map(({ key }) => key)).toEqual(['lines/1', 'lines/2', 'lines/3'])
  expect(lines.slice(3)).toEqual([{ next: null, complete: true }])
})

test('clusters: lists the keys that have siblings', async () => {
  const { headers } = await put(0, 'default/torn/yes', 'base')
  const context = { 'quorate-context': String(headers['quorate-context']) }
  for (const value of ['left', 'right']) await put(0, 'default/torn/yes', value, context)
  await put(0, 'default/torn/no', 'x')
  const page = (await json(1, '/v1/keys/default?prefix=torn/&conflicted=true')) as Page
  expect(page).toMatchObject({
    keys: [{ key: 'torn/yes', siblings: 2 }],
    next: null,
    complete: true,
  })
})

test('clusters: each node tells how it sees the others', async () => {
  const status = await json(1, '/v1/cluster')
  expect(status).toMatchObject({
    node: 'n2',
    members: ['n1', 'n2', 'n3'].map((id) => ({ id, state: 'up' })),
    partitionsWithoutQuorum: [],
    failureTolerance: 1,
    hints: expect.any(Object) as object,
    voters: ['n1', 'n2', 'n3'],
    moves: null,
    verdict: expect.stringMatching(/\w/) as string,
    reachability: {
      n1: { n2: 'up', n3: 'up' },
      n2: { n1: 'up', n3: 'up' },
      n3: { n1: 'up', n2: 'up' },
    },
  })
})

test('clusters: the ring tells who owns a key and what each holds', async () => {
  await put(0, 'default/where?consistency=all', 'x')
  const ring = (await json(2, '/v1/cluster/ring?bucket=default&key=where')) as {
    preference: { node: string; role: string; holds: unknown }[]
  }
  expect(ring.preference.map(({ node }) => node).sort()).toEqual(['n1', 'n2', 'n3'])
  for (const entry of ring.preference) {
    expect(entry).toMatchObject({ role: 'owner', holds: { siblings: 1, tombstones: 0 } })
  }
})

test('clusters: with no hints there is nothing to wait for', async () => {
  const answer = await request(0, '/v1/cluster/hints/sync?timeout=5000', { method: 'POST' })
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { synced: true }])
})

test('clusters: readiness tells what it checked', async () => {
  const verbose = await json(0, '/readyz?verbose')
  expect(verbose).toMatchObject({ ready: true, checks: expect.any(Array) as unknown[] })
  expect(await json(0, '/readyz')).toEqual({ ready: true })
  const alone = await json(0, '/readyz?verbose&scope=node')
  const names = ['membership', 'storage', 'identity', 'copies'].map((name) => ({ name }))
  expect(alone).toMatchObject({ ready: true, checks: names })
  expect((await request(0, '/readyz?scope=zone')).status).toBe(400)
  expect(await json(0, '/livez')).toEqual({ live: true })
})

test('clusters: requests are counted and timed by operation, level and code', async () => {
  await request(2, '/v1/kv/default/uncounted?consistency=all')
  const { headers, text } = await request(2, '/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toMatch(/quorate_requests_total\{op="get",level="all",code="key_absent"\} [1-9]/)
  expect(text).toMatch(/quorate_request_duration_seconds_count\{op="get",level="all"\} [1-9]/)
  expect(text).toMatch(/quorate_inflight_requests \d/)
})
