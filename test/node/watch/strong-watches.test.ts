/** Watches of strong keys. */
import { expect, it } from 'vitest'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'
import { openWatch, WatchReader } from './watch-readers.ts'

async function withCluster(
  name: string,
  ids: readonly Id[],
  run: (cluster: VirtualCluster) => Promise<void>,
): Promise<void> {
  const cluster = new VirtualCluster(name, ids)
  await cluster.start()
  // So that every member is in reach.
  await cluster.pass(2)
  await run(cluster)
  expect(cluster.broken).toEqual([])
}

async function put(
  cluster: VirtualCluster,
  key: string,
  more: { ttlMs?: number; idempotencyKey?: string } = {},
): Promise<void> {
  const { ttlMs, idempotencyKey } = more
  const expiresAtMs = ttlMs === undefined ? 0 : Math.floor(cluster.node('n1').host.wallMs()) + ttlMs
  const content = { value: Buffer.from('v'), contentType: '', tombstone: false, expiresAtMs }
  const at = { bucket: 'strong', key, level: 'strong', requestId: 'test' } as const
  const answer = await cluster.ask('n1', (service) =>
    service.put({ ...at, content, idempotencyKey }),
  )
  expect(answer).toBeTypeOf('object')
}

it('tell the expiry of a key that still remembers a write', async () => {
  await withCluster('strong expiry', IDS, async (cluster) => {
    await put(cluster, 'old', { ttlMs: 6000, idempotencyKey: 'a' })
    const watch = await openWatch(cluster, 'n1', 'strong', 'now')
    const reader = new WatchReader(cluster, 'n1', watch)
    await put(cluster, 'young', { ttlMs: 3000, idempotencyKey: 'b' })
    await cluster.until(() => reader.hasTold('young', 1))
    await cluster.pass(10)
    expect([reader.hasTold('young', 0), reader.hasTold('old', 0)]).toEqual([true, true])
    // It is not forgotten yet: a repeat of the write must find its answer.
    expect(cluster.keysUnder('n1', 'd/')).toHaveLength(2)
    watch.close()
  })
})
