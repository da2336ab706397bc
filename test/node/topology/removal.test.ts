/**
 * A member that is removed while it is down, and started again with its old directory: it finds that out from the first
 * peer in reach, before it serves. A peer that is itself behind cannot exclude a member.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology, parseTopology } from '../../../src/node/topology/topology-document.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const FOUR: readonly Id[] = ['n1', 'n2', 'n3', 'n4']
const LEVELS = ['weak', 'eventual', 'causal', 'quorum', 'all'] as const

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('removal', FOUR)
  await cluster.start()
  expect(await cluster.put('n1', 'old', 'value', 'all')).toBe('ok')
})

/** n4 crashes, and the others remove it. */
async function removeWhileDown(): Promise<void> {
  cluster.node('n4').crash('process')
  await cluster.ask('n1', (service) => service.applyChange({ kind: 'remove', node: 'n4' }, 5000))
  await cluster.until(() => {
    const topology = cluster.node('n1').service?.topology()
    return topology?.change === undefined && topology?.members.length === 3
  })
}

async function expectRefused(): Promise<void> {
  for (const level of LEVELS) {
    expect([level, await cluster.put('n4', 'new', 'lost', level)]).toEqual([level, 'not_a_member'])
    expect([level, await cluster.get('n4', 'old', level)]).toEqual([level, 'not_a_member'])
  }
  const strong = { bucket: 'strong', key: 'k', level: 'strong', requestId: 'test' } as const
  expect(await cluster.ask('n4', (service) => service.get(strong))).toBe('not_a_member')
  const list = { bucket: 'default', prefix: '', after: '', limit: 10 }
  expect(await cluster.ask('n4', (service) => service.list(list))).toBe('not_a_member')
  const readiness = await cluster.ask('n4', (service) => service.readiness('cluster'))
  expect(readiness).toMatchObject({ ready: false })
  expect(typeof readiness === 'string' ? [] : readiness.checks).toContainEqual({
    name: 'membership',
    ok: false,
    detail: expect.stringContaining('n4 is no longer a member'),
  })
}

describe('a member that was removed while it was down', () => {
  it('is told by its peers, and serves nothing, in this life and the next', async () => {
    await removeWhileDown()
    cluster.node('n4').start()
    await cluster.until(() => cluster.node('n4').isUp)
    await expectRefused()

    // By then the document is on its disk.
    await cluster.pass(1)
    cluster.node('n4').crash('machine')
    cluster.isolate('n4')
    cluster.node('n4').start()
    await cluster.until(() => cluster.node('n4').isUp)
    await expectRefused()
    expect(cluster.broken).toEqual([])
  })

  it('is told before it serves when one peer alone is in reach', async () => {
    await removeWhileDown()
    for (const peer of ['n2', 'n3']) {
      cluster.wires.cut('n4', peer, 'mute')
      cluster.wires.cut(peer, 'n4', 'mute')
    }
    cluster.node('n4').start()
    await cluster.until(() => cluster.node('n4').isUp)
    await expectRefused()
  })

  it('is told with an empty directory, too', async () => {
    await removeWhileDown()
    cluster.node('n4').platter.wipe()
    cluster.node('n4').start()
    await cluster.until(() => cluster.node('n4').isUp)
    await expectRefused()
  })

  it('is told when the cut ends in which it has started', async () => {
    await removeWhileDown()
    const undo = cluster.isolate('n4')
    cluster.node('n4').start()
    await cluster.until(() => cluster.node('n4').isUp)
    undo()
    await cluster.until(() => cluster.logged.some((line) => line.includes('no longer a member')))
    await expectRefused()
  })
})

it('a peer with an older topology cannot exclude a member', async () => {
  // n1 comes back with a document from before n4 was a member.
  const { platter } = cluster.node('n1')
  // The first document is on no disk.
  const bucket = { ...cluster.node('n1').service?.bucket('default'), name: 'more' } as Bucket
  await cluster.ask('n1', (service) => service.createBucket(bucket, 2000))
  await cluster.pass(5)
  cluster.node('n4').crash('process')
  cluster.node('n1').crash('process')
  const [older, newer] = [new Map(platter.copy()), new Map(cluster.node('n4').platter.copy())]
  const key = metaKey('topology')
  const stored = (one: Topology): Uint8Array => frame(key, msgpackCodec.encode(encodeTopology(one)))
  const topology = parseTopology(String(msgpackCodec.decode(platter.get(key) as never)))
  const three = topology.members.slice(0, 3)
  const preference = topology.preference.map((list) => list.filter((i) => i < 3))
  const before = { ...topology, members: three, voters: ['n1', 'n2', 'n3'], preference }
  older.set(key, stored(before))
  newer.set(key, stored({ ...topology, epoch: topology.epoch + 1 }))
  platter.restore(older)
  cluster.node('n4').platter.restore(newer)
  for (const peer of ['n2', 'n3']) cluster.node(peer as Id).crash('process')
  cluster.node('n1').start()
  cluster.node('n4').start()
  await cluster.until(() => cluster.node('n4').isUp)
  await cluster.pass(10)
  expect(await cluster.put('n4', 'new', 'kept', 'eventual')).toBe('ok')
  expect(cluster.logged.some((line) => line.includes('no longer a member'))).toBe(false)
})

describe('what only members may know', () => {
  const FIVE: readonly Id[] = [...FOUR, 'n5']
  const founding = { identity: 'the cluster', sessionKey: 'ab'.repeat(32) }
  const token = {
    name: 'web',
    hash: 'cd'.repeat(32),
    grants: [{ bucket: '*', prefix: '', rights: ['read'] as const }],
    createdMs: 0,
    expiresMs: null,
  }

  /** The document on the disk of the node. */
  const stored = (id: Id): Topology => {
    const record = cluster.node(id).platter.get(metaKey('topology'))
    return parseTopology(String(msgpackCodec.decode(record as never)))
  }

  it('does not get lost on the way from a removed node to a member that missed the removal', async () => {
    cluster = new VirtualCluster('removal by way of another', FIVE)
    await cluster.start()
    await cluster.ask('n1', (service) => service.found(founding, 5000))
    const made = cluster.ask('n1', (service) => service.createToken(token, 5000).then(() => 'made'))
    expect(await made).toBe('made')
    await cluster.pass(2)
    const before = stored('n5')
    expect(before).toMatchObject({ sessionKey: founding.sessionKey, tokens: [{ name: 'web' }] })

    cluster.node('n4').crash('process')
    await cluster.ask('n1', (service) => service.applyChange({ kind: 'remove', node: 'n4' }, 5000))
    await cluster.until(() => {
      const topology = cluster.node('n1').service?.topology()
      return topology?.change === undefined && topology?.members.length === 4
    })
    await cluster.pass(2)
    // n5 crashes, and its disk has lost the newest documents.
    cluster.node('n5').crash('process')
    const key = metaKey('topology')
    const { platter } = cluster.node('n5')
    const record = frame(key, msgpackCodec.encode(encodeTopology(before)))
    platter.restore(new Map(platter.copy()).set(key, record))
    // n4 is shown its removal.
    cluster.node('n4').start()
    await cluster.until(() => cluster.logged.some((line) => line.includes('no longer a member')))
    await cluster.pass(2)
    expect(stored('n4')).not.toHaveProperty('sessionKey')

    // n4 and n5 have only each other.
    const rest = ['n1', 'n2', 'n3'] as const
    const cuts = (['n4', 'n5'] as const).flatMap((id) =>
      rest.flatMap((other) => [
        cluster.wires.cut(id, other, 'mute'),
        cluster.wires.cut(other, id, 'mute'),
      ]),
    )
    cluster.node('n5').start()
    await cluster.pass(20)
    expect(stored('n5')).toEqual(before)

    for (const cut of cuts) cut.undo()
    await cluster.until(() => cluster.node('n5').isUp)
    await cluster.until(() => stored('n5').members.length === 4)
    for (const id of ['n1', 'n5'] as const) {
      expect(cluster.node(id).service?.topology()).toMatchObject({
        sessionKey: founding.sessionKey,
        tokens: [{ name: 'web' }],
      })
    }
    expect(await cluster.put('n5', 'new', 'kept')).toBe('ok')
    expect(cluster.broken).toEqual([])
  })
})
