/** The siblings of one key together: bounded before a write is accepted, so that every object can be sent. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../api/test-cluster.ts'

const MIB = 1024 * 1024
const PATH = '/v1/kv/default/fat'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster(3, { QUORATE_MAX_VALUE_BYTES: String(3 * MIB) })
})
afterAll(() => cluster.stop())

/** With an old context a write adds itself to what is there. */
async function put(node: number, body: Buffer | string, context?: string): Promise<TestAnswer> {
  const headers = context === undefined ? {} : { 'quorate-context': context }
  return cluster.request(node, `${PATH}?timeout=10000`, { method: 'PUT', body, headers })
}

const contextOf = ({ headers }: TestAnswer): string => String(headers['quorate-context'])

it('refuses a write that would make a key too large, and takes the one that resolves it', async () => {
  const value = Buffer.alloc(3 * MIB, 7)
  const old = contextOf(await put(0, value))
  const ends: number[] = []
  for (let i = 0; i < 5; i++) ends.push((await put(i % 3, value, old)).status)
  // Eight MiB together; the first of them replaces the first value.
  expect(ends).toEqual([204, 204, 409, 409, 409])
  const refused = await put(1, value, old)
  expect(JSON.parse(refused.text)).toMatchObject({
    code: 'too_many_siblings',
    outcome: 'rejected',
    retryable: false,
  })
  for (const node of [0, 1, 2]) {
    const { headers } = await cluster.request(node, `${PATH}?timeout=10000`, { method: 'HEAD' })
    expect(headers['quorate-siblings']).toBe('2')
  }
  const small = await put(2, 'one more small one', old)
  expect(small.status).toBe(204)
  const read = await cluster.request(2, `${PATH}?timeout=10000`, { method: 'HEAD' })
  expect((await put(2, 'small', contextOf(read))).status).toBe(204)
  expect((await cluster.request(1, PATH)).text).toBe('small')
})
