/** Checks what must hold in a healthy cluster that has had no requests for a while. */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { preferenceList } from '../../core/placement/preference-list.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { leafOf } from '../../core/repair/hash-tree.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { listOperation } from '../../node/storage/data-index.ts'
import { equalBytes } from '../../node/wire/equal-bytes.ts'
import { decodeRecord } from '../../node/wire/object-record.ts'
import {
  type DataName,
  graveRange,
  leafKey,
  listKey,
  metaKey,
  parseDataKey,
  parseGraveKey,
  parseLeafKey,
} from '../../node/storage/storage-keys.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import { Violation } from './violation.ts'
import type { Platter } from '../world/virtual-disk.ts'

export interface ClusterAtRest {
  readonly nodes: readonly SimulatedNode[]
  /** Machines whose nodes have left the cluster. */
  readonly formerMembers?: readonly SimulatedNode[]
}

/** How soon a healthy cluster at rest must collect deletes and settle writes. */
const COLLECTED_WITHIN_MS = 30_000
const SETTLED_WITHIN_MS = 30_000
/** The most vector entries of one key: the actors of its owners, and the few that wrote recently. */
const VECTOR_ENTRIES_MAX = 40

/** The first violation; undefined if there is none. */
export async function findViolationAtRest({
  nodes,
  formerMembers = [],
}: ClusterAtRest): Promise<Violation | undefined> {
  for (const node of nodes) {
    if (!node.isUp) return new Violation('stuck', `${node.id} serves no requests`)
    const readiness = await (node.service as NodeService).readiness('cluster')
    const wrong = readiness.checks.find(({ ok }) => !ok)
    if (wrong !== undefined) {
      return new Violation('stuck', `${node.id} is not ready: ${wrong.name}: ${wrong.detail}`)
    }
  }
  const [first] = nodes
  const service = first?.service as NodeService
  const topology = service.topology()
  const violation =
    findTopologyDifference(nodes, topology) ??
    findUnfinishedChange(topology) ??
    findUnfinishedDeletion(topology) ??
    findDeletedBucket(nodes, topology) ??
    findLeftoverRecord(formerMembers) ??
    findUnownedCopy(nodes, topology) ??
    findHint(nodes) ??
    findDifference(nodes, topology) ??
    findBrokenIndex(nodes) ??
    findUncollected(nodes) ??
    findUnsettled(nodes)
  return violation ?? (await findTreeDifference(service))
}

function findTopologyDifference(
  nodes: readonly SimulatedNode[],
  topology: Topology,
): Violation | undefined {
  const document = JSON.stringify(topology)
  for (const node of nodes) {
    const other = (node.service as NodeService).topology()
    if (JSON.stringify(other) !== document && other.epoch === topology.epoch) {
      return new Violation(
        'topology',
        `two nodes hold different topologies of epoch ${topology.epoch}`,
      )
    }
    if (other.epoch !== topology.epoch) {
      return new Violation(
        'topology',
        `${node.id} is at topology epoch ${other.epoch}, but another node is at epoch ${topology.epoch}`,
      )
    }
  }
  return undefined
}

/** Every change of the members must have ended. */
function findUnfinishedChange({ change }: Topology): Violation | undefined {
  if (change === undefined) return undefined
  const { kind, joining, leaving, phase, done } = change
  const who = [joining, leaving].filter((id) => id !== null).join(', ')
  return new Violation(
    'stuck',
    `the ${kind} of ${who} has not ended: it is ${phase}, and these nodes have finished their part: ${done.join(', ') || 'none'}`,
  )
}

/** A bucket may take no writes only for a while. */
function findUnfinishedDeletion({ deletion }: Topology): Violation | undefined {
  if (deletion === undefined) return undefined
  return new Violation('stuck', `the bucket ${deletion.bucket} is neither deleted nor open again`)
}

/**
 * Which part of a storage key is the name of its bucket, by the first letter (storage-keys.ts). The grave of a damaged
 * record may stay until its time has come (data-index.ts).
 */
const BUCKET_AT: Readonly<Record<string, number>> = { d: 2, p: 2, i: 3, x: 3, k: 1, h: 2 }

/** No node may keep anything of a deleted bucket. */
function findDeletedBucket(
  nodes: readonly SimulatedNode[],
  { buckets }: Topology,
): Violation | undefined {
  const names = new Set(buckets.map(({ name }) => name))
  for (const { id, platter } of nodes) {
    const left = platter.keys().find((key) => {
      const at = BUCKET_AT[key.charAt(0)]
      return at !== undefined && !names.has(key.split('/')[at] ?? '')
    })
    if (left === undefined) continue
    return new Violation('remains', `${id} still holds ${left}, of a deleted bucket`)
  }
  return undefined
}

/** A machine that has left must hold no records. */
function findLeftoverRecord(formerMembers: readonly SimulatedNode[]): Violation | undefined {
  for (const { id, platter } of formerMembers) {
    const left = platter.keys().find((key) => /^[dhpx]\//.test(key))
    if (left !== undefined)
      return new Violation(
        'remains',
        `${id} has left the cluster, but its disk still holds ${left}`,
      )
  }
  return undefined
}

/** No node may hold keys that it does not own. */
function findUnownedCopy(
  nodes: readonly SimulatedNode[],
  topology: Topology,
): Violation | undefined {
  for (const { id, platter } of nodes) {
    for (const storageKey of platter.keys()) {
      const at = parseDataKey(storageKey)
      const bucket = topology.buckets.find(({ name }) => name === at?.bucket)
      if (at === undefined || bucket === undefined) continue
      if (preferenceList(topology, bucket, at.key).owners.includes(id)) continue
      return new Violation(
        'stray',
        `${id} holds a copy of ${at.name}, but does not own this key`,
        at.name,
      )
    }
  }
  return undefined
}

function findHint(nodes: readonly SimulatedNode[]): Violation | undefined {
  for (const { id, platter } of nodes) {
    const hint = platter.keys().find((key) => key.startsWith('h/'))
    if (hint === undefined) continue
    const name = hint.split('/').slice(2).join('/')
    return new Violation('hints', `${id} still keeps the undelivered hint ${hint}`, name)
  }
  return undefined
}

/** The hash trees of the owners must be equal, because their records are. */
async function findTreeDifference(service: NodeService): Promise<Violation | undefined> {
  const { converged, differing, unreachable } = await service.convergence(undefined)
  if (converged) return undefined
  const why =
    unreachable.length > 0 ? `${unreachable.join(', ')} did not answer` : 'the hash trees differ'
  return new Violation(
    'trees',
    `the hash trees of the owners report ${differing} differing keys: ${why}`,
  )
}

/** Its leaf and the key index must list each record as it is, and nothing else. */
function findBrokenIndex(nodes: readonly SimulatedNode[]): Violation | undefined {
  for (const { id, platter } of nodes) {
    const leaves = new Set(platter.keys().filter((key) => key.startsWith('i/')))
    const listed = new Set(platter.keys().filter((key) => key.startsWith('k/')))
    for (const storageKey of platter.keys()) {
      const at = parseDataKey(storageKey)
      if (at === undefined) continue
      const { name } = at
      if (!leaves.delete(leafKey(at.partition, leafOf(hashText(name)), name))) {
        return new Violation(
          'index',
          `${id} has a record of ${name}, but no leaf of its hash tree lists it`,
          name,
        )
      }
      if (!listed.delete(listKey(name)) || !isListedAsItIs(platter, at, storageKey)) {
        return new Violation(
          'index',
          `the key index of ${id} does not match its record of ${name}`,
          name,
        )
      }
    }
    const [stray] = leaves
    if (stray !== undefined) {
      const { name } = parseLeafKey(stray)
      return new Violation(
        'index',
        `a leaf of the hash tree of ${id} lists ${name}, but ${id} has no record of it`,
        name,
      )
    }
    const [ghost] = listed
    if (ghost !== undefined) {
      const name = ghost.slice(listKey('').length)
      return new Violation(
        'index',
        `the key index of ${id} lists ${name}, but ${id} has no record of it`,
        name,
      )
    }
  }
  return undefined
}

function isListedAsItIs(platter: Platter, at: DataName, storageKey: string): boolean {
  const record = platter.get(storageKey) as Uint8Array
  const object = decodeRecord(msgpackCodec, record)
  const expected = listOperation(msgpackCodec, at, { object, record })
  return expected.type === 'put' && sameBytes(expected.value, platter.get(expected.key))
}

/** Deletes and expired values that all owners have known long enough must be collected. */
function findUncollected(nodes: readonly SimulatedNode[]): Violation | undefined {
  for (const { id, platter, service } of nodes) {
    const [, until] = graveRange((service as NodeService).nowMs() - COLLECTED_WITHIN_MS)
    const grave = platter.keys().find((key) => key.startsWith('g/') && key < until)
    if (grave === undefined) continue
    return new Violation(
      'uncollected',
      `${id} has not collected the deleted or expired value of ${grave}`,
      parseGraveKey(grave).name,
    )
  }
  return undefined
}

/** At rest every write must settle. A pending write that is never released would hold the horizon back forever. */
function findUnsettled(nodes: readonly SimulatedNode[]): Violation | undefined {
  for (const { id, platter, service } of nodes) {
    const record = platter.get(metaKey('horizon'))
    const horizon = record === undefined ? 0 : (msgpackCodec.decode(record) as number)
    const ageMs = (service as NodeService).nowMs() - wallMsOf(horizon)
    if (ageMs <= SETTLED_WITHIN_MS) continue
    return new Violation(
      'unsettled',
      `the horizon of ${id} is ${Math.round(ageMs)} ms old, so some write has not settled`,
    )
  }
  return undefined
}

function findDifference(
  nodes: readonly SimulatedNode[],
  topology: Topology,
): Violation | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const keys = new Set(
    nodes.flatMap(({ platter }) => platter.keys().filter((key) => key.startsWith('d/'))),
  )
  for (const storageKey of keys) {
    const [, , bucketName = '', ...rest] = storageKey.split('/')
    const key = rest.join('/')
    const name = `${bucketName}/${key}`
    const bucket = topology.buckets.find((known) => known.name === bucketName)
    if (bucket === undefined)
      return new Violation('diverged', `the key ${name} belongs to no bucket`)
    const { owners } = preferenceList(topology, bucket, key)
    const copies = owners.map((owner) => byId.get(owner)?.platter.get(storageKey))
    const [copy] = copies
    for (let i = 1; i < copies.length; i++) {
      if (!sameBytes(copy, copies[i])) {
        const [a = '', b = ''] = [owners[0], owners[i]]
        return new Violation(
          'diverged',
          `the owners of ${name} (partition ${partitionOf(bucketName, key)}) hold different copies: ${a} has ${shown(copy)}, ${b} has ${shown(copies[i])}`,
          name,
        )
      }
    }
    const oversize = copy && findOversize(name, copy)
    if (oversize !== undefined) return oversize
  }
  return undefined
}

function findOversize(name: string, record: Uint8Array): Violation | undefined {
  const { vector } = decodeRecord(msgpackCodec, record)
  if (vector.size <= VECTOR_ENTRIES_MAX) return undefined
  return new Violation(
    'unbounded',
    `the version vector of ${name} has ${vector.size} entries; at most ${VECTOR_ENTRIES_MAX} are allowed`,
    name,
  )
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return equalBytes(a, b)
}

function shown(record: Uint8Array | undefined): string {
  if (record === undefined) return 'no copy'
  try {
    const { vector, siblings } = decodeRecord(msgpackCodec, record)
    const dots = siblings.map(
      ({ actor, timestamp, tombstone }) => `${tombstone ? 'delete ' : ''}${actor}@${timestamp}`,
    )
    return `{${[...vector].map(([actor, at]) => `${actor}@${at}`).join(' ')} | ${dots.join(' ')}}`
  } catch (error) {
    return `a damaged record (${String(error)})`
  }
}
