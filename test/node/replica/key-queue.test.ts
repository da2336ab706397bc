/** Large writes of one key wait for a slow disk, and leave room in its queue for the writes of other keys. */
import { expect, it } from 'vitest'
import { VirtualCluster } from '../virtual-cluster.ts'

it('refuses writes of a key that fill the queue of the disk, and takes those of others', async () => {
  const cluster = new VirtualCluster('one fat key')
  await cluster.start()
  await cluster.pass(2)
  expect(await cluster.put('n1', 'fat', 'small', 'all')).toBe('ok')
  // A sync takes up to 0.3 s: the queue fills, and a write that is taken is answered within its timeout.
  cluster.node('n1').platter.slowness = 150
  const value = 'x'.repeat(1_000_000)
  const fat = Array.from({ length: 80 }, () => cluster.put('n1', 'fat', value))
  // While these wait.
  const other = cluster.put('n1', 'other', 'value')
  expect(await other).toBe('ok')
  const ends = await Promise.all(fat)
  expect(ends.filter((end) => end === 'ok').length).toBeGreaterThan(0)
  expect(ends.filter((end) => end === 'overloaded').length).toBeGreaterThanOrEqual(60)
  expect(new Set(ends)).toEqual(new Set(['ok', 'overloaded']))
  cluster.node('n1').platter.slowness = 1
  expect(await cluster.put('n1', 'fat', 'small again')).toBe('ok')
  expect(cluster.broken).toEqual([])
})
