/** A watch tells no delete because a disk has lost or damaged a record, and claims nothing about that key meanwhile. */
import { expect, it } from 'vitest'
import { type Id, withCluster, VirtualCluster } from '../virtual-cluster.ts'
import { openWatch, positionNow, WatchReader } from './watch-readers.ts'

const FIVE: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
const isVictim = (key: string): boolean => /^d\/.*\/default\/victim$/.test(key)

it.each(['vanished', 'rotted'])('a record that has %s is told once it is replaced', async (how) => {
  await withCluster(`record ${how}`, async (cluster) => {
    const position = await positionNow(cluster, 'n1', 'default')
    expect(await cluster.put('n1', 'victim', 'value', 'all')).toBe('ok')
    // So many values that the cache has to read the record from the disk.
    const large = 'x'.repeat(30_000)
    for (let i = 0; i < 100; i++) await cluster.put('n1', `k${i}`, large, 'all')
    // The owners have settled beyond the writes.
    await cluster.pass(30)
    const heal = cluster.isolate('n1')
    const { platter } = cluster.node('n1')
    if (how === 'rotted') expect(platter.rot(isVictim)).toBeDefined()
    else platter.restore(new Map([...platter.copy()].filter(([key]) => !isVictim(key))))
    const watch = await openWatch(cluster, 'n1', 'default', position)
    const reader = new WatchReader(cluster, 'n1', watch)
    await cluster.until(() => reader.hasTold('k99', 1))
    await cluster.pass(3)
    expect(reader.keys.filter(({ key }) => key === 'victim')).toEqual([])
    expect(watch.status().toldUntilMs).toBeUndefined()
    heal()
    await cluster.until(() => reader.hasTold('victim', 1))
    await cluster.until(() => watch.status().toldUntilMs !== undefined)
    expect(reader.keys.every(({ siblings }) => siblings === 1)).toBe(true)
    watch.close()
  })
})

it('no list is complete if a log has ended meanwhile', async () => {
  const cluster = new VirtualCluster('ended log', FIVE)
  await cluster.start()
  await cluster.pass(2)
  for (let i = 0; i < 40; i++) await cluster.put('n1', `k${i}`, 'x')
  const watch = await openWatch(cluster, 'n1', 'default', 'everything')
  // The changes of many data partitions are read from other nodes.
  for (const id of FIVE.slice(1)) cluster.node(id).crash('process')
  for (const id of FIVE.slice(1)) cluster.node(id).start()
  await cluster.until(() => FIVE.every((id) => cluster.node(id).isUp))
  const reader = new WatchReader(cluster, 'n1', watch)
  await cluster.until(() => reader.types.has('complete'))
  const types = reader.steps.map(({ type }) => type).filter((type) => type !== 'changes')
  expect(types).toEqual(['reset', 'complete'])
  watch.close()
  expect(cluster.broken).toEqual([])
})
