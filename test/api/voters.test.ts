/** What goes on without a majority of the voters, and what does not. */
import { expect, test } from 'vitest'
import { preferenceList } from '../../src/core/placement/preference-list.ts'
import type { Bucket } from '../../src/core/placement/topology.ts'
import { startCluster, type TestAnswer } from './test-cluster.ts'

const KEYS = Array.from({ length: 24 }, (_, i) => `key-${i}`)
const PATIENCE = { timeout: 45_000 }

test('without a majority of the voters no bucket can be made, and data goes on', async () => {
  const cluster = await startCluster(4)
  const last = 3
  const put = (path: string, body: string): Promise<TestAnswer> =>
    cluster.request(last, path, {
      method: 'PUT',
      body,
      headers: { 'content-type': path.startsWith('/v1/kv') ? 'text/plain' : 'application/json' },
    })
  const makeBucket = (): Promise<TestAnswer> =>
    put('/v1/buckets/x?timeout=1000', JSON.stringify({ mode: 'siblings' }))
  const write = (key: string, level: string): Promise<TestAnswer> =>
    put(`/v1/kv/default/${key}?consistency=${level}&timeout=500`, key)
  try {
    const service = cluster.nodes[last]?.service
    const topology = service?.topology()
    expect(topology?.voters).toEqual(['n1', 'n2', 'n3'])
    for (const stopped of [1, 2]) await cluster.nodes[stopped]?.stop()
    // Until it is noticed that they are gone, some answers take longer, or are not known.
    const refused = async (): Promise<unknown> => JSON.parse((await makeBucket()).text)
    await expect.poll(refused, PATIENCE).toMatchObject({
      code: 'quorum_unreachable',
      outcome: 'rejected',
      required: 2,
      received: 1,
      detail: expect.stringMatching(/voters n1, n2, n3.*n1 answered/) as string,
    })

    const bucket = topology?.buckets.find(({ name }) => name === 'default') as Bucket
    const areTwoLeft = (key: string): boolean => {
      const { owners } = preferenceList(topology as NonNullable<typeof topology>, bucket, key)
      return owners.filter((id) => id === 'n1' || id === 'n4').length === 2
    }
    expect(new Set(KEYS.map(areTwoLeft)).size, 'keys of both kinds').toBe(2)
    for (const key of KEYS) {
      const quorum = areTwoLeft(key)
      await expect.poll(async () => (await write(key, 'eventual')).status, PATIENCE).toBe(204)
      const read = await cluster.request(last, `/v1/kv/default/${key}?consistency=eventual`)
      expect([key, read.status, read.text]).toEqual([key, 200, key])
      await expect
        .poll(async () => (await write(key, 'quorum')).status, PATIENCE)
        .toBe(quorum ? 204 : 503)
    }

    for (const stopped of [1, 2]) await cluster.restart(stopped)
    await expect.poll(async () => (await makeBucket()).status, PATIENCE).toBe(201)
    await expect
      .poll(async () => (await cluster.request(1, '/v1/buckets/x')).status, PATIENCE)
      .toBe(200)
  } finally {
    await cluster.stop()
  }
})
