/** Quorum reads of a bucket with one copy, while the copy moves and its next owner cannot be reached. */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology, parseTopology } from '../../../src/node/topology/topology-document.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const SINGLE: Bucket = {
  name: 'single',
  mode: 'siblings',
  n: 1,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
}
/** More than the reads of one second that are compared after their answer (read-coordinator.ts). */
const READS = 60

/** Puts the document of a move on the disk of `id`, which restarts. The other nodes take it over from there. */
async function startMove(cluster: VirtualCluster, id: Id): Promise<number> {
  const node = cluster.node(id)
  node.crash('process')
  const directory = new Map(node.platter.copy())
  const key = metaKey('topology')
  const before = parseTopology(String(msgpackCodec.decode(node.platter.get(key) as Uint8Array)))
  const epoch = before.epoch + 1
  const change = {
    id: epoch,
    kind: 'replace',
    joining: null,
    leaving: null,
    isLost: false,
    phase: 'moving',
    other: before.preference.map((list) => [...list.slice(1), ...list.slice(0, 1)]),
    done: [],
  } as const
  const next = encodeTopology({ ...before, epoch, placementVersion: epoch, change })
  directory.set(key, frame(key, msgpackCodec.encode(next)))
  node.platter.restore(directory)
  node.start()
  await cluster.until(() => node.isUp)
  return epoch
}

it('never answers from the old owner alone, however many reads there are', async () => {
  const cluster = new VirtualCluster('single owner')
  await cluster.start()
  await cluster.pass(2)
  await cluster.ask('n1', (service) => service.createBucket(SINGLE, 2000))
  const ring = await cluster.ask('n1', (service) => service.ring('single', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const [owner, next, third] = ring.preference.map(({ node }) => node as Id) as [Id, Id, Id]
  cluster.isolate(next)
  const epoch = await startMove(cluster, third)
  await cluster.until(() => cluster.node(owner).service?.topology().epoch === epoch)
  await cluster.pass(5)
  const ends: string[] = []
  for (let i = 0; i < READS; i++) {
    const answer = await cluster.ask(owner, (service) =>
      service.get({ bucket: 'single', key: 'k', level: 'quorum', requestId: 'test' }),
    )
    ends.push(typeof answer === 'string' ? answer : 'ok')
  }
  expect(new Set(ends)).toEqual(new Set(['quorum_unreachable']))
  expect(cluster.broken).toEqual([])
})
