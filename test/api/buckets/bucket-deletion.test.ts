/** The deletion of buckets over HTTP, at one real node with a real disk. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
  await vi.waitFor(async () => expect((await cluster.request(0, '/readyz')).status).toBe(200), {
    timeout: 45_000,
  })
})
afterAll(() => cluster.stop())

function send(method: string, path: string, body?: string): Promise<TestAnswer> {
  return cluster.request(0, path, { method, ...(body === undefined ? {} : { body }) })
}

function codeOf({ status, text }: TestAnswer): [number, unknown] {
  return [status, text === '' ? '' : (JSON.parse(text) as { code?: unknown }).code]
}

const CARTS = '/v1/buckets/carts'
const KEY = '/v1/kv/carts/ada'

async function namesAt(path: string): Promise<string[]> {
  const { text } = await send('GET', path)
  const { buckets } = JSON.parse(text) as { buckets: { name: string }[] }
  return buckets.map(({ name }) => name)
}

test('a bucket that is not empty is deleted with force, and returns under its name with another mode', async () => {
  expect((await send('PUT', CARTS, '{"mode":"siblings"}')).status).toBe(201)
  expect((await send('PUT', KEY, 'milk')).status).toBe(204)
  const refused = await send('DELETE', CARTS)
  expect(codeOf(refused)).toEqual([409, 'bucket_not_empty'])
  expect(refused.text).toContain('the key \\"ada\\"')
  expect((await send('GET', KEY)).text).toBe('milk')

  const deleted = await send('DELETE', `${CARTS}?force=true`)
  expect([deleted.status, deleted.text]).toEqual([204, ''])
  expect(codeOf(await send('GET', KEY))).toEqual([404, 'bucket_unknown'])
  expect(codeOf(await send('GET', CARTS))).toEqual([404, 'bucket_unknown'])
  expect(codeOf(await send('GET', '/v1/keys/carts'))).toEqual([404, 'bucket_unknown'])
  expect(codeOf(await send('DELETE', `${CARTS}?force=true`))).toEqual([404, 'bucket_unknown'])

  expect((await send('PUT', CARTS, '{"mode":"lww"}')).status).toBe(201)
  expect((await send('PUT', CARTS, '{"mode":"lww"}')).status).toBe(200)
  const conflict = await send('PUT', CARTS, '{"mode":"siblings"}')
  expect(codeOf(conflict)).toEqual([409, 'bucket_conflict'])
  expect(conflict.text).toContain('the bucket carts exists: mode is lww, not siblings')
  expect((await send('GET', KEY)).status).toBe(404)
  expect(JSON.parse((await send('GET', '/v1/keys/carts')).text)).toMatchObject({ keys: [] })
})

test('nothing shows the name that nodes give to a bucket', async () => {
  expect((await send('PUT', '/v1/buckets/carts-old')).status).toBe(201)
  const names = ['carts', 'carts-old', 'default', 'latest', 'strong']
  expect(await namesAt('/v1/buckets')).toEqual(names)
  expect(JSON.parse((await send('GET', CARTS)).text)).toMatchObject({ name: 'carts', mode: 'lww' })
  const ring = await send('GET', '/v1/cluster/ring?bucket=carts&key=ada')
  expect(JSON.parse(ring.text)).toMatchObject({ bucket: 'carts' })
  expect((await send('GET', '/v1/cluster/convergence?bucket=carts')).status).toBe(200)
  const wrong = await send('POST', KEY, '{"increment":1}')
  expect(wrong.text).toContain('the bucket carts is of mode lww')
  expect(codeOf(await send('GET', '/v1/kv/carts~5/ada'))).toEqual([400, 'bad_bucket'])
})

test('after a restart the deleted bucket stays gone, and the new one is there', async () => {
  expect((await send('PUT', '/v1/kv/carts/ben', 'rice')).status).toBe(204)
  await cluster.nodes[0]?.stop()
  await cluster.restart(0)
  await vi.waitFor(async () => expect((await cluster.request(0, '/readyz')).status).toBe(200), {
    timeout: 45_000,
  })
  expect((await send('GET', KEY)).status).toBe(404)
  expect((await send('GET', '/v1/kv/carts/ben')).text).toBe('rice')
})

test('an empty bucket is deleted without force', async () => {
  expect((await send('DELETE', '/v1/kv/carts/ben')).status).toBe(204)
  expect((await send('DELETE', CARTS)).status).toBe(204)
  expect(codeOf(await send('GET', CARTS))).toEqual([404, 'bucket_unknown'])
})

test('bad requests are refused, and the first buckets stay', async () => {
  for (const label of ['default', 'latest', 'strong']) {
    const refused = await send('DELETE', `/v1/buckets/${label}?force=true`)
    expect(codeOf(refused)).toEqual([409, 'bucket_permanent'])
  }
  expect(codeOf(await send('DELETE', '/v1/buckets/none'))).toEqual([404, 'bucket_unknown'])
  expect(codeOf(await send('DELETE', '/v1/buckets/Carts'))).toEqual([400, 'bad_bucket'])
  for (const query of ['force=yes', 'timeout=0', 'nonsense=1', 'force=true&force=true']) {
    const refused = await send('DELETE', `/v1/buckets/none?${query}`)
    expect([query, codeOf(refused)]).toEqual([query, [400, 'bad_parameter']])
  }
})
