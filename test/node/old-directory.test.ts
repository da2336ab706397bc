/** An owner that returns with a directory from before keys were deleted, and everybody has forgotten that they were. */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import { partitionOf } from '../../src/core/placement/data-partition.ts'
import { frame } from '../../src/node/storage/record-frame.ts'
import { metaKey } from '../../src/node/storage/storage-keys.ts'
import { IDS, VirtualCluster } from './virtual-cluster.ts'

const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`)

it('brings nothing back to an owner that has gained its partitions a moment ago', async () => {
  const cluster = new VirtualCluster('old directory')
  const records = (id: (typeof IDS)[number]): string[] => cluster.keysUnder(id, 'd/')
  await cluster.start()
  for (const key of KEYS) expect(await cluster.put('n1', key, 'value', 'all')).toBe('ok')
  await cluster.pass(30)
  const old = cluster.node('n3').platter.copy()
  for (const key of KEYS) expect(await cluster.put('n1', key, undefined, 'all')).toBe('ok')
  await cluster.until(() => IDS.every((id) => records(id).length === 0))
  for (const id of ['n2', 'n3'] as const) cluster.node(id).crash('process')
  cluster.node('n3').platter.restore(old)
  // As a change of the members leaves it: n2 cannot tell history by its horizon there, and n1 can.
  const gained = KEYS.flatMap((key) => [partitionOf('default', key), 3, 0, Number.MAX_SAFE_INTEGER])
  const { platter } = cluster.node('n2')
  const key = metaKey('gained')
  platter.restore(new Map([...platter.copy(), [key, frame(key, msgpackCodec.encode(gained))]]))
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  // Of the two it meets n2 first.
  const cuts = [cluster.wires.cut('n1', 'n3', 'mute'), cluster.wires.cut('n3', 'n1', 'mute')]
  cluster.node('n3').start()
  let isOver = false
  cluster.schedule.after(10_000_000, () => {
    isOver = true
    for (const cut of cuts) cut.undo()
  })
  await cluster.until(() => {
    expect(records('n2')).toEqual([])
    return isOver && cluster.node('n3').isUp && records('n3').length === 0
  })
  expect(cluster.logged.some((message) => message.includes('not the newest'))).toBe(true)
  // n2 has waited for n3, and no longer.
  expect(await cluster.put('n3', 'k0', 'again', 'all')).toBe('ok')
  await cluster.converged()
  expect(await cluster.get('n2', 'k0')).toEqual(['again'])
  expect(cluster.broken).toEqual([])
})
