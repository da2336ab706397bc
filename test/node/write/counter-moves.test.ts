/** A counter on virtual time whose owners stay, and change their order. */
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { counterValue } from '../../../src/core/causality/counter.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology, parseTopology } from '../../../src/node/topology/topology-document.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const PAIR: Bucket = {
  name: 'pair',
  mode: 'counter',
  n: 2,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
}
const AT = { bucket: 'pair', key: 'k', requestId: 'test' } as const

async function increment(cluster: VirtualCluster, id: Id, by: number): Promise<string> {
  const change = { type: 'counter', increment: by } as const
  const answer = await cluster.ask(id, (service) =>
    service.update({ ...AT, level: 'eventual', change }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

test('what a stand-in has counted is folded by the first owner before, or by the one after, not by both', async () => {
  const cluster = new VirtualCluster('another first owner')
  await cluster.start()
  await cluster.pass(2)
  await cluster.ask('n1', (service) => service.createBucket(PAIR, 2000))
  const ring = await cluster.ask('n1', (service) => service.ring('pair', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const [first, second, third] = ring.preference.map(({ node }) => node as Id) as [Id, Id, Id]
  const healThird = cluster.isolate(third)
  await cluster.pass(5)
  expect(await increment(cluster, third, 5)).toBe('ok')
  healThird()
  // Until it is at both owners, and the stand-in has ended, so that it may be folded.
  await cluster.pass(660)
  const healFirst = cluster.isolate(first)
  expect(await increment(cluster, first, 1)).toBe('ok')
  // The document by which the second is the first: on a disk; who meets it takes it up.
  const node = cluster.node(third)
  node.crash('process')
  const directory = new Map(node.platter.copy())
  const stored = msgpackCodec.decode(node.platter.get(metaKey('topology')) as Uint8Array)
  const { preference, ...before } = parseTopology(String(stored))
  const epoch = before.epoch + 1
  const swapped = preference.map(([a, b, ...rest]) => [b, a, ...rest] as number[])
  const next = encodeTopology({ ...before, preference: swapped, epoch, placementVersion: epoch })
  const key = metaKey('topology')
  directory.set(key, frame(key, msgpackCodec.encode(next)))
  node.platter.restore(directory)
  node.start()
  await cluster.until(() => cluster.node(second).service?.topology().epoch === epoch)
  expect(await increment(cluster, second, 10)).toBe('ok')
  healFirst()
  await cluster.until(() => cluster.node(first).service?.topology().epoch === epoch)
  await cluster.pass(10)
  const read = await cluster.ask(second, (service) => service.get({ ...AT, level: 'all' }))
  if (typeof read === 'string') throw new Error(read)
  expect(counterValue(read.siblings)).toBe(16n)
  expect(cluster.broken).toEqual([])
})
