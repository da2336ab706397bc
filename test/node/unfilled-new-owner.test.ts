/**
 * A node lost its disk and is refilled. Meanwhile one partition moves from an old owner to a new one, which alone among
 * the new owners has an acknowledged write. The refilled node has compared its other partitions with the new owner before.
 */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import { partitionOf } from '../../src/core/placement/data-partition.ts'
import type { Topology } from '../../src/core/placement/topology.ts'
import { frame } from '../../src/node/storage/record-frame.ts'
import { metaKey } from '../../src/node/storage/storage-keys.ts'
import { encodeTopology } from '../../src/node/topology/topology-document.ts'
import { type Id, VirtualCluster } from './virtual-cluster.ts'

const FIVE: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
const KEY = 'key'

it('an owner that is refilled takes the copies of a new owner before it is read', async () => {
  const cluster = new VirtualCluster('unfilled new owner', FIVE, 1)
  await cluster.start()
  await cluster.pass(3)
  const ring = await cluster.ask('n1', (service) => service.ring('default', KEY))
  if (typeof ring === 'string') throw new Error(ring)
  const [old, lost, third, gainer, other] = ring.preference.map(({ node }) => node as Id) as [
    Id,
    Id,
    Id,
    Id,
    Id,
  ]
  const cut = (a: Id, b: Id) => {
    const cuts = [cluster.wires.cut(a, b, 'mute'), cluster.wires.cut(b, a, 'mute')]
    return () => cuts.forEach((one) => one.undo())
  }
  // The third owner misses the write.
  cut(old, third)
  const heals = [lost, gainer, other].map((id) => cut(id, third))
  await cluster.pass(5)
  expect(await cluster.put(old, KEY, 'acknowledged')).toBe('ok')
  const has = (id: Id) => cluster.keysUnder(id, 'd/').length === 1
  await cluster.pass(1)
  expect(FIVE.filter(has).sort()).toEqual([old, lost].sort())
  // One disk is lost. It cannot be refilled from the other one that has the write.
  cut(old, lost)
  cluster.node(lost).crash('machine')
  cluster.node(lost).platter.wipe()
  heals.forEach((heal) => heal())
  cluster.node(lost).start()
  await cluster.until(() => cluster.node(lost).isUp)
  await cluster.pass(20)
  expect(FIVE.filter(has)).toEqual([old])
  // The partition moves from the old owner to the fourth node, which compares with the others first.
  const healOld = cut(old, gainer)
  const node = cluster.node(other)
  const before = node.service?.topology() as Topology
  node.crash('process')
  const directory = new Map(node.platter.copy())
  const meta = metaKey('topology')
  const epoch = before.epoch + 1
  const index = (id: Id) => before.members.findIndex((member) => member.id === id)
  const bucket = before.buckets.find(({ name }) => name === 'default')
  expect(bucket?.n).toBe(3)
  const moved = partitionOf('default', KEY)
  const change = {
    id: epoch,
    kind: 'replace',
    joining: null,
    leaving: null,
    isLost: false,
    phase: 'moving',
    other: before.preference.map((list, partition) =>
      partition === moved ? [gainer, lost, third, old, other].map(index) : list,
    ),
    done: [],
  } as const
  const next = encodeTopology({ ...before, epoch, placementVersion: epoch, change })
  directory.set(meta, frame(meta, msgpackCodec.encode(next)))
  node.platter.restore(directory)
  node.start()
  await cluster.until(() => node.isUp)
  const phase = (id: Id) => cluster.node(id).service?.topology().change?.phase
  await cluster.until(() => phase(gainer) === 'moving')
  await cluster.pass(20)
  expect(FIVE.filter(has)).toEqual([old])
  healOld()
  await cluster.until(() => phase(gainer) === 'releasing')
  expect(has(gainer)).toBe(true)
  cut(gainer, lost)
  cut(gainer, third)
  await cluster
    .until(() => phase(lost) === 'releasing' && phase(third) === 'releasing')
    .catch(async () => {
      const moves = await cluster.ask(gainer, (service) => service.moves())
      throw new Error(
        JSON.stringify({ old, lost, third, gainer, other, voters: before.voters, moves }) +
          cluster.logged.slice(-12).join('|'),
      )
    })
  await cluster.pass(5)
  const isMissed = !has(lost) && !has(third)
  // Either the value, or no answer.
  const answers: unknown[] = []
  for (let i = 0; i < 3; i++) answers.push(await cluster.get(third, KEY, 'quorum'))
  expect({ isMissed, answers }).not.toMatchObject({ answers: [[], [], []] })
  expect(cluster.broken).toEqual([])
})
