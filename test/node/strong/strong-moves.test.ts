/**
 * Strong keys on virtual time while their owners change: of a bucket with two copies on three nodes, from the first two
 * in the order of preference to the last two. The topology documents are put on a disk here; who meets them takes them up.
 */
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { entityTag } from '../../../src/core/causality/entity-tag.ts'
import type { Content } from '../../../src/core/causality/sibling.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import type { NodeService } from '../../../src/node/service/service.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology, parseTopology } from '../../../src/node/topology/topology-document.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const PAIR: Bucket = {
  name: 'pair',
  mode: 'strong',
  n: 2,
  consistency: 'strong',
  durability: 'sync',
  ttlSeconds: null,
}
const AT = { bucket: 'pair', key: 'k', level: 'strong', requestId: 'test' } as const
const utf8 = new TextEncoder()
/** Between two requests of a client. */
const PAUSE_US = 20_000

/** What a node reads, or the code of the error. */
async function read(cluster: VirtualCluster, id: Id): Promise<string> {
  const answer = await cluster.ask(id, (service) => service.get(AT))
  return typeof answer === 'string'
    ? answer
    : answer.siblings.map(({ value }) => new TextDecoder().decode(value)).join()
}

/** 'ok', or the code of the error. */
async function write(cluster: VirtualCluster, id: Id, text: string): Promise<string> {
  const content = contentOf(text)
  const answer = await cluster.ask(id, (service) =>
    service.put({ ...AT, content, condition: undefined }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

/** A cluster with the bucket, and its nodes: the owner that goes, the one that stays, the one that comes. */
async function started(seed: string): Promise<[VirtualCluster, Id, Id, Id]> {
  const cluster = new VirtualCluster(seed)
  await cluster.start()
  await cluster.pass(2)
  await cluster.ask('n1', (service) => service.createBucket(PAIR, 2000))
  const ring = await cluster.ask('n1', (service) => service.ring('pair', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const [goes, stays, comes] = ring.preference.map(({ node }) => node as Id) as [Id, Id, Id]
  return [cluster, goes, stays, comes]
}

/** Puts a later document on the disk of `id`, which crashes; the others meet it when it is back. */
async function replaceTopology(
  cluster: VirtualCluster,
  id: Id,
  next: (topology: Topology) => Topology,
): Promise<void> {
  const node = cluster.node(id)
  node.crash('process')
  const directory = new Map(node.platter.copy())
  const key = metaKey('topology')
  const topology = next(parseTopology(String(msgpackCodec.decode(node.platter.get(key) as never))))
  directory.set(key, frame(key, msgpackCodec.encode(encodeTopology(topology))))
  node.platter.restore(directory)
  node.start()
  await cluster.until(() => node.isUp)
}

function later({ preference }: Topology): number[][] {
  return preference.map((list) => [...list.slice(1), ...list.slice(0, 1)])
}

function moving(topology: Topology): Topology {
  const epoch = topology.epoch + 1
  return {
    ...topology,
    epoch,
    placementVersion: epoch,
    change: {
      id: epoch,
      kind: 'replace',
      joining: null,
      leaving: null,
      isLost: false,
      phase: 'moving',
      other: later(topology),
      done: [],
    },
  }
}

function moved({ change, ...topology }: Topology): Topology {
  const preference = change?.other ?? topology.preference
  return {
    ...topology,
    preference,
    epoch: topology.epoch + 1,
    placementVersion: topology.epoch + 1,
  }
}

test('nothing that was counted is lost or counted twice while a key moves', async () => {
  const [cluster, goes, stays, comes] = await started('counted')
  expect(await write(cluster, stays, '0')).toBe('ok')
  const made: number[] = []
  let unknown = 0
  let isOver = false
  /** Adds one again and again, as far as it is told that nobody else did. */
  const count = (id: Id): void => {
    cluster.node(id).call(addOne, (end) => {
      if (end.type === 'answered') made.push(end.answer)
      // Of a crash it is not told, either.
      else if (end.type === 'died' || codeOf(end.error) === 'outcome_unknown') unknown++
      if (!isOver) cluster.schedule.after(PAUSE_US, () => count(id))
    })
  }
  for (const id of IDS) count(id)
  for (const [id, next] of [
    [comes, moving],
    [goes, moved],
    [stays, moving],
    [comes, moved],
  ] as const) {
    await cluster.pass(3)
    const before = made.length
    await replaceTopology(cluster, id, next)
    await cluster.pass(3)
    expect(made.length).toBeGreaterThan(before + 10)
  }
  isOver = true
  await cluster.pass(3)
  expect(new Set(made).size).toBe(made.length)
  const last = Number(await read(cluster, stays))
  expect(last).toBeGreaterThanOrEqual(made.length)
  expect(last).toBeLessThanOrEqual(made.length + unknown)
  expect(unknown).toBeLessThan(made.length / 10)
  expect(cluster.broken).toEqual([])
})

/** The number that it has made of the one before. */
async function addOne(service: NodeService): Promise<number> {
  const { siblings } = await service.get(AT)
  const next = Number(new TextDecoder().decode(siblings[0]?.value)) + 1
  const condition = { type: 'match', tags: [entityTag(siblings)] } as const
  await service.put({ ...AT, content: contentOf(String(next)), condition })
  return next
}

function codeOf(error: unknown): string {
  return error instanceof QuorateError ? error.code : String(error)
}

function contentOf(text: string): Content {
  return { value: utf8.encode(text), contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
}
