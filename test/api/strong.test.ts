/** Strong keys over HTTP: conditions, retries, levels, and what is told of them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster.stop())

const put = (
  node: number,
  key: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<TestAnswer> =>
  cluster.request(node, `/v1/kv/strong/${key}`, { method: 'PUT', body, headers })
const get = (node: number, key: string, query = ''): Promise<TestAnswer> =>
  cluster.request(node, `/v1/kv/strong/${key}${query}`)
const codeOf = ({ text }: TestAnswer): string => (JSON.parse(text) as { code: string }).code

describe('strong', () => {
  test('what one node has acknowledged every other one reads at once', async () => {
    for (let i = 0; i < 30; i++) {
      const written = await put(i % 3, 'turns', String(i))
      expect([written.status, written.headers['quorate-consistency']]).toEqual([204, 'strong'])
      const read = await get((i + 1) % 3, 'turns')
      expect([read.status, read.text]).toEqual([200, String(i)])
      expect(read.headers['etag']).toBe(written.headers['etag'])
      expect(read.headers['quorate-quorum']).toMatch(/^need=2, got=[23], hinted=0$/)
      expect(read.headers).not.toHaveProperty('quorate-context')
    }
  })

  test('of many that race to set a key only if it is absent one wins', async () => {
    const racers = Array.from({ length: 24 }, (_, i) =>
      put(i % 3, 'lock', `holder ${i}`, { 'if-none-match': '*' }),
    )
    const answers = await Promise.all(racers)
    const winners = answers.flatMap(({ status }, i) => (status === 204 ? [i] : []))
    expect(winners).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status !== 204)) {
      expect([answer.status, codeOf(answer)]).toEqual([412, 'precondition_failed'])
    }
    expect((await get(0, 'lock')).text).toBe(`holder ${winners[0]}`)
  })

  test('increments by If-Match from all nodes at once lose none', async () => {
    await put(0, 'count', '0')
    const increment = async (node: number): Promise<void> => {
      for (;;) {
        const { text, headers } = await get(node, 'count')
        const next = String(Number(text) + 1)
        const { status } = await put(node, 'count', next, { 'if-match': headers['etag'] ?? '' })
        if (status === 204) return
        expect(status).toBe(412)
      }
    }
    await Promise.all(Array.from({ length: 12 }, (_, i) => increment(i % 3)))
    expect((await get(1, 'count')).text).toBe('12')
  })

  test('a write that is sent again under its Idempotency-Key is made once', async () => {
    const once = { 'idempotency-key': 'a1' }
    const first = await put(0, 'once', 'mine', once)
    await put(1, 'once', 'of another')
    const again = await put(2, 'once', 'mine', once)
    expect([again.status, again.headers['etag']]).toEqual([204, first.headers['etag']])
    expect((await get(0, 'once')).text).toBe('of another')
    // Also where its condition would not hold any more.
    const conditional = { 'idempotency-key': 'a2', 'if-none-match': '*' }
    expect((await put(0, 'fresh', '1', conditional)).status).toBe(204)
    expect((await put(1, 'fresh', '1', conditional)).status).toBe(204)
    expect((await put(1, 'fresh', '1', { 'if-none-match': '*' })).status).toBe(412)
  })

  test('a delete is a value like any other, and knows what was there', async () => {
    const remove = (headers: Record<string, string> = {}): Promise<TestAnswer> =>
      cluster.request(1, '/v1/kv/strong/gone', { method: 'DELETE', headers })
    expect((await remove()).headers['quorate-existed']).toBe('false')
    const { headers } = await put(0, 'gone', 'v')
    expect((await remove({ 'if-match': '"0000000000000000"' })).status).toBe(412)
    const removed = await remove({ 'if-match': headers['etag'] ?? '' })
    expect([removed.status, removed.headers['quorate-existed']]).toEqual([204, 'true'])
    expect(codeOf(await get(2, 'gone'))).toBe('key_absent')
    expect((await put(2, 'gone', 'back', { 'if-none-match': '*' })).status).toBe(204)
    expect((await get(0, 'gone')).text).toBe('back')
  })

  test('weaker levels read, and say that it may be old; they do not write', async () => {
    await put(0, 'weaker', 'v')
    for (const level of ['weak', 'eventual', 'quorum', 'all']) {
      const read = await get(1, 'weaker', `?consistency=${level}`)
      expect(read.headers['quorate-stale']).toBe('possible')
    }
    // The write is decided by two acceptors. The third one, which a weaker level may read, learns of it a moment later.
    for (const level of ['weak', 'eventual', 'quorum', 'all']) {
      const status = async (): Promise<number> =>
        (await get(1, 'weaker', `?consistency=${level}`)).status
      await expect.poll(status).toBe(200)
    }
    expect((await get(1, 'weaker')).headers).not.toHaveProperty('quorate-stale')
    const plain = await cluster.request(0, '/v1/kv/strong/weaker?consistency=quorum', {
      method: 'PUT',
      body: 'x',
    })
    expect([plain.status, codeOf(plain)]).toEqual([400, 'bad_parameter'])
    const other = await cluster.request(0, '/v1/kv/default/k?consistency=strong')
    expect([other.status, codeOf(other)]).toEqual([400, 'bad_parameter'])
  })

  test('takes part in a session, is listed, and is found by ring and convergence', async () => {
    const written = await cluster.request(0, '/v1/kv/default/cause?consistency=causal', {
      method: 'PUT',
      body: 'c',
    })
    const session = written.headers['quorate-session'] ?? ''
    const effect = await put(1, 'effect', 'e', { 'quorate-session': session })
    expect(effect.headers['quorate-session']).toEqual(expect.any(String))
    const listed = await cluster.request(2, '/v1/keys/strong?prefix=effect')
    expect(JSON.parse(listed.text)).toMatchObject({ keys: [{ key: 'effect', siblings: 1 }] })
    const ring = await cluster.request(2, '/v1/cluster/ring?bucket=strong&key=effect')
    expect(ring.status).toBe(200)
  })

  test('a bucket of mode strong can be made, and takes ttl', async () => {
    const made = await cluster.request(0, '/v1/buckets/leases', {
      method: 'PUT',
      body: '{"mode":"strong"}',
    })
    expect([made.status, JSON.parse(made.text)]).toMatchObject([201, { consistency: 'strong' }])
    const path = '/v1/kv/leases/a'
    const set = await cluster.request(1, `${path}?ttl=3600`, { method: 'PUT', body: 'v' })
    expect(set.status).toBe(204)
    expect((await cluster.request(2, path)).text).toBe('v')
  })
})
