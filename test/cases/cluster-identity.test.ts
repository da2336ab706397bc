/**
 * Two clusters of the same names: a node of one at an address of the other, with its own directory and with an empty one,
 * and a wrong line in the list of members. No key crosses, and both sides say why there is no link. A cluster that was
 * stored before there were random ids agrees on one.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import { openLevelDisk } from '../../src/adapters/level-disk/level-disk.ts'
import type { Topology } from '../../src/core/placement/topology.ts'
import { CheckedDisk } from '../../src/node/storage/checked-disk.ts'
import { storedTopology } from '../../src/node/identity/node-state.ts'
import { metaKey } from '../../src/node/storage/storage-keys.ts'
import { NamedNode } from './named-node.ts'

const WAIT = { timeout: 45_000, interval: 50 }
const IDS = ['n1', 'n2', 'n3'] as const
type Id = (typeof IDS)[number]
type Members = Record<Id, number>

interface Cluster {
  readonly name: string
  readonly members: Members
  readonly nodes: Map<Id, NamedNode>
}

let directory = ''
let clusters: Cluster[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-identity-'))
  const ports = await freePorts(6)
  clusters = await Promise.all([form('a', ports.slice(0, 3)), form('b', ports.slice(3))])
})

afterEach(async () => {
  await Promise.all(clusters.flatMap(({ nodes }) => [...nodes.values()].map((node) => node.stop())))
  await rm(directory, { recursive: true })
})

/** Forms a cluster, whose keys say which one it is. */
async function form(name: string, ports: readonly number[]): Promise<Cluster> {
  const members = Object.fromEntries(IDS.map((id, i) => [id, ports[i]])) as Members
  const cluster = { name, members, nodes: new Map<Id, NamedNode>() }
  await Promise.all(IDS.map((id) => start(cluster, id)))
  const put = (key: string): Promise<number> => at(cluster, 'n1').put(key, name)
  await expect.poll(() => put('default/who'), WAIT).toBeLessThan(300)
  await expect.poll(() => put('strong/who'), WAIT).toBeLessThan(300)
  expect(await put(`default/only-${name}`)).toBeLessThan(300)
  await expect.poll(async () => (await at(cluster, 'n3').status()).clusterId.length, WAIT).toBe(32)
  return cluster
}

async function start(cluster: Cluster, id: Id, members = cluster.members, dir = ''): Promise<void> {
  const dataDir = join(directory, `${cluster.name}${dir}`, id)
  const node = await NamedNode.start({ id, dataDir, peerPort: members[id], members })
  cluster.nodes.set(id, node)
}

function at({ nodes }: Cluster, id: Id): NamedNode {
  return nodes.get(id) as NamedNode
}

async function stop(cluster: Cluster, id: Id): Promise<void> {
  await at(cluster, id).stop()
  cluster.nodes.delete(id)
}

async function verdict(cluster: Cluster, id: Id): Promise<string> {
  return (await at(cluster, id).status()).verdict
}

async function expectNothingCrossed(): Promise<void> {
  for (const cluster of clusters) {
    const other = clusters.find(({ name }) => name !== cluster.name) as Cluster
    for (const node of cluster.nodes.values()) {
      expect(await node.ask('/v1/kv/default/who')).toEqual([200, cluster.name])
      expect(await node.ask('/v1/kv/strong/who')).toEqual([200, cluster.name])
      expect((await node.ask(`/v1/kv/default/only-${other.name}`))[0]).toBe(404)
    }
  }
}

it('keeps two clusters of the same names apart where a node of one is at an address of the other', async () => {
  const [a, b] = clusters as [Cluster, Cluster]
  await Promise.all([stop(a, 'n3'), stop(b, 'n3')])
  await start(b, 'n3', { ...b.members, n3: a.members.n3 })
  const words = /belongs to cluster .* to another cluster/
  await expect.poll(() => verdict(a, 'n1'), WAIT).toMatch(words)
  await expect.poll(() => verdict(a, 'n2'), WAIT).toMatch(words)
  await expect.poll(() => verdict(b, 'n3'), WAIT).toMatch(words)
  const [, metrics] = await at(b, 'n3').ask('/metrics')
  expect(metrics).toMatch(/quorate_peers_refused_total\{peer="n1",reason="other_cluster"\} [1-9]/)
  await expectNothingCrossed()
})

it('lets an empty directory into the cluster that its own list names, whoever dials it', async () => {
  const [a, b] = clusters as [Cluster, Cluster]
  await Promise.all([stop(a, 'n3'), stop(b, 'n3')])
  await start(b, 'n3', { ...b.members, n3: a.members.n3 }, '-new')
  const { clusterId } = await at(b, 'n1').status()
  await expect.poll(async () => (await at(b, 'n3').status()).clusterId, WAIT).toBe(clusterId)
  await expect.poll(() => verdict(a, 'n1'), WAIT).toMatch(/to another cluster/)
  await expect.poll(async () => (await at(b, 'n3').ask('/readyz'))[0], WAIT).toBe(200)
  await expectNothingCrossed()
})

it('refuses an address of another cluster in the list of members', async () => {
  const [a, b] = clusters as [Cluster, Cluster]
  await stop(a, 'n1')
  await start(a, 'n1', { ...a.members, n3: b.members.n3 })
  await expect.poll(() => verdict(a, 'n1'), WAIT).toMatch(/n3 refuses n1: .*to another cluster/)
  await expect.poll(() => verdict(b, 'n3'), WAIT).toMatch(/n3 refuses n1: .*to another cluster/)
  await expectNothingCrossed()
})

/** Leaves the directory as a version without random ids of clusters would have written it. */
async function forgetIdentity(cluster: Cluster, id: Id): Promise<void> {
  const file = await openLevelDisk({ directory: join(directory, cluster.name, id, 'db') })
  const disk = new CheckedDisk(file)
  const stored = JSON.parse((await storedTopology(file, msgpackCodec)) as string) as Topology
  const { identity, ...document } = stored
  expect(identity).toMatch(/^[0-9a-f]{32}$/)
  const value = msgpackCodec.encode(JSON.stringify(document))
  await disk.write([{ type: 'put', key: metaKey('topology'), value }], { sync: true })
  await disk.close()
}

it('agrees on an id for a cluster that was stored without one, and keeps its data', async () => {
  const [a] = clusters as [Cluster]
  await Promise.all(IDS.map((id) => stop(a, id)))
  await Promise.all(IDS.map((id) => forgetIdentity(a, id)))
  await Promise.all(IDS.map((id) => start(a, id)))
  const idsNow = (): Promise<string[]> =>
    Promise.all(IDS.map(async (id) => (await at(a, id).status()).clusterId))
  await expect.poll(async () => (await idsNow())[2]?.length, WAIT).toBe(32)
  await expect.poll(async () => new Set(await idsNow()).size, WAIT).toBe(1)
  await expectNothingCrossed()
})
