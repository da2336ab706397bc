/** Watches of strong keys: their expiry, and keys that cannot be decided while most of their owners are cut off. */
import { expect, it } from 'vitest'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'
import { openWatch, positionNow, WatchReader } from './watch-readers.ts'

const FIVE: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
const KEYS = Array.from({ length: 60 }, (_, i) => `k${i}`)

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

/** The keys that can be read, and the others. */
async function readable(cluster: VirtualCluster): Promise<[good: string[], others: string[]]> {
  const good: string[] = []
  for (const key of KEYS) {
    const at = { bucket: 'strong', key, level: 'strong', requestId: 'test' } as const
    if (typeof (await cluster.ask('n1', (service) => service.get(at))) === 'object') good.push(key)
  }
  const others = KEYS.filter((key) => !good.includes(key))
  expect([good.length > 10, others.length > 3]).toEqual([true, true])
  return [good, others]
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

it('wait for a key that cannot be decided, and tell all others', async () => {
  await withCluster('undecided', FIVE, async (cluster) => {
    const position = await positionNow(cluster, 'n1', 'strong')
    for (const key of KEYS) await put(cluster, key)
    const heals = (['n4', 'n5'] as const).map((id) => cluster.isolate(id))
    await cluster.pass(8)
    const [good, others] = await readable(cluster)
    const watch = await openWatch(cluster, 'n1', 'strong', position)
    const reader = new WatchReader(cluster, 'n1', watch)
    await cluster.until(() => good.every((key) => reader.hasTold(key, 1)))
    await cluster.pass(15)
    // A change after them is told, too.
    await put(cluster, good[0] as string, { ttlMs: 1000 })
    await cluster.until(() => reader.hasTold(good[0] as string, 0))
    expect(others.filter((key) => reader.hasTold(key, 1))).toEqual([])
    expect(watch.status().hiddenPartitions.length).toBeGreaterThan(0)
    for (const heal of heals) heal()
    await cluster.until(() => others.every((key) => reader.hasTold(key, 1)))
    await cluster.until(() => watch.status().hiddenPartitions.length === 0)
    expect([...reader.types]).toEqual(['changes'])
    watch.close()
  })
})

it('list all other keys first, and wait with `complete`', async () => {
  await withCluster('undecided list', FIVE, async (cluster) => {
    for (const key of KEYS) await put(cluster, key)
    const heals = (['n4', 'n5'] as const).map((id) => cluster.isolate(id))
    await cluster.pass(8)
    const [good, others] = await readable(cluster)
    const watch = await openWatch(cluster, 'n1', 'strong', 'everything')
    const reader = new WatchReader(cluster, 'n1', watch)
    await cluster.until(() => good.every((key) => reader.hasTold(key, 1)))
    await cluster.pass(15)
    expect([...reader.types]).toEqual(['changes'])
    expect(watch.position).toBe('everything')
    expect(others.filter((key) => reader.hasTold(key, 1))).toEqual([])
    expect(watch.status().hiddenPartitions.length).toBeGreaterThan(0)
    // Changes of the others are told meanwhile.
    await put(cluster, good[0] as string, { ttlMs: 1000 })
    await cluster.until(() => reader.hasTold(good[0] as string, 0))
    for (const heal of heals) heal()
    await cluster.until(() => reader.types.has('complete'))
    expect(others.every((key) => reader.hasTold(key, 1))).toBe(true)
    expect([...reader.types]).toEqual(['changes', 'complete'])
    await put(cluster, others[0] as string, { ttlMs: 1000 })
    await cluster.until(() => reader.hasTold(others[0] as string, 0))
    watch.close()
  })
})
