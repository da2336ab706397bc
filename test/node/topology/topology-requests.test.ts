/** What is asked of the topology document while the members change. */
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology, parseTopology } from '../../../src/node/topology/topology-document.ts'
import { BUCKETS_MAX } from '../../../src/node/topology/topology-requests.ts'
import { IDS, VirtualCluster } from '../virtual-cluster.ts'

function bucket(name: string, n: number): Bucket {
  const common = { consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
  return { name, mode: 'siblings', n, ...common }
}

test('no bucket is made whose copies would have to be moved by a move that has begun without them', async () => {
  const cluster = new VirtualCluster('bucket in a move')
  await cluster.start()
  await cluster.pass(2)
  const create = async (name: string, n: number): Promise<string> => {
    const answer = await cluster.ask('n1', (service) => service.createBucket(bucket(name, n), 2000))
    return typeof answer === 'string' ? answer : 'ok'
  }
  // It never comes, so copies are being moved for as long as nobody cancels it.
  const member = { id: 'n4', peerUrl: 'sim://n4', zone: 'n4' }
  await cluster.ask('n1', (service) => service.applyChange({ kind: 'join', member }, 2000))
  expect(await create('single', 1)).toBe('change_under_way')
  expect(await create('triple', 3)).toBe('ok')
  await cluster.ask('n1', (service) => service.cancelChange(2000))
  expect(await create('single', 1)).toBe('ok')
  expect(cluster.broken).toEqual([])
})

test('no bucket is made for more members than stay after a leave', async () => {
  const cluster = new VirtualCluster('wide bucket', ['n1', 'n2', 'n3', 'n4'])
  await cluster.start()
  await cluster.pass(2)
  // The others cannot hear from n3, so the copies of n4 are never complete elsewhere, and n4 stays a member.
  await cluster.ask('n1', (service) => service.applyChange({ kind: 'leave', node: 'n4' }, 2000))
  const heal = cluster.isolate('n3')
  const create = (n: number): Promise<unknown> =>
    cluster.ask('n1', (service) => service.createBucket(bucket(`of ${n}`, n), 2000))
  expect(await create(4)).toBe('bad_parameter')
  heal()
  await cluster.until(() => cluster.node('n1').service?.topology().members.length === 3)
  expect(await create(4)).toBe('bad_parameter')
  expect(cluster.broken).toEqual([])
})

test('a bucket beyond as many as a cluster may have is refused, and the others go on', async () => {
  const cluster = new VirtualCluster('many buckets')
  await cluster.start()
  await cluster.pass(2)
  const create = async (name: string): Promise<string> => {
    const answer = await cluster.ask('n1', (service) => service.createBucket(bucket(name, 3), 2000))
    return typeof answer === 'string' ? answer : 'ok'
  }
  expect(await create('first')).toBe('ok')
  await cluster.pass(2)
  for (const id of IDS) {
    const node = cluster.node(id)
    node.crash('process')
    const directory = new Map(node.platter.copy())
    const key = metaKey('topology')
    const stored = msgpackCodec.decode(node.platter.get(key) as Uint8Array)
    const before = parseTopology(String(stored))
    const count = BUCKETS_MAX - 1 - before.buckets.length
    const more = Array.from({ length: count }, (_, i) => bucket(`user-${i}`, 3))
    const buckets = [...before.buckets, ...more].sort((a, b) => (a.name < b.name ? -1 : 1))
    const next = encodeTopology({ ...before, buckets, epoch: before.epoch + 1 })
    directory.set(key, frame(key, msgpackCodec.encode(next)))
    node.platter.restore(directory)
    node.start()
  }
  await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
  await cluster.pass(5)
  expect(await create('last')).toBe('ok')
  expect(await create('more')).toBe('limit_reached')
  expect(await create('last')).toBe('ok')
  expect(await cluster.put('n2', 'k', 'v')).toBe('ok')
  expect(cluster.broken).toEqual([])
})
