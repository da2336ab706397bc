/**
 * What a person sees of an interactive world at one instant: plain data that can be sent to a page. Looking changes
 * nothing in the world. Times are microseconds of virtual time.
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import { placementAt, preferenceList } from '../../core/placement/preference-list.ts'
import { PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import { ALL_HINTS, dataKey, hintKey, parseHintKey } from '../../node/storage/storage-keys.ts'
import { decodeRecord } from '../../node/wire/object-record.ts'
import type { SimulatedCluster } from '../cluster/simulated-cluster.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import type { CutKind } from '../world/wires.ts'

export interface NodeView {
  readonly id: string
  /** Members of one zone are expected to fail together. Null if no other member is in its zone. */
  readonly zone: string | null
  /** `gone`: the machine is lost, or has not joined yet. */
  readonly state: 'up' | 'starting' | 'paused' | 'stopped' | 'gone'
  /** How far its clock is ahead of the true time. */
  readonly clockOffsetMs: number
  /** The epoch of its topology; null while it does not run. */
  readonly epoch: number | null
  /** How many hints its disk holds for each other node. */
  readonly hints: Readonly<Record<string, number>>
}

/** One direction between two nodes. */
export interface LinkView {
  readonly from: string
  readonly to: string
  /** Whether `from` has a link on which it sends asks to `to`. */
  readonly isOpen: boolean
  readonly cut: CutKind | null
}

/** Nodes that own some keys together. */
export interface OwnerSetView {
  /** Sorted. */
  readonly owners: readonly string[]
  /** The part of all keys that they own. All parts add up to 1. */
  readonly share: number
}

export interface KeyView {
  readonly bucket: string
  readonly key: string
  readonly partition: number
  readonly owners: readonly string[]
  /** The owners after the change of the members that is under way; null if they stay. */
  readonly next: readonly string[] | null
  readonly fallbacks: readonly string[]
  /** The copies on the disks of all nodes that hold one. */
  readonly copies: Readonly<Record<string, CopyView>>
  /** The hints for this key. */
  readonly hints: readonly { readonly holder: string; readonly owner: string }[]
}

export interface CopyView {
  readonly isDamaged: boolean
  /** The version vector: everything of the key that the node has seen. */
  readonly vector: Readonly<Record<string, number>>
  readonly siblings: readonly SiblingView[]
}

export interface SiblingView {
  /** The dot: which life of which node minted the write, and when on its clock. */
  readonly actor: string
  readonly timestamp: number
  readonly isTombstone: boolean
  readonly value: string
}

const decoder = new TextDecoder()

export function viewNodes({ nodes }: SimulatedCluster): NodeView[] {
  const zones = sharedZones(newestKnown(nodes.values()))
  return [...nodes.values()].map((node) => ({
    id: node.id,
    zone: zones.get(node.id) ?? null,
    state: stateOf(node),
    // A clock is read in ms with a fraction, which floating-point numbers round.
    clockOffsetMs: Math.round(node.host.skewMs * 1000) / 1000,
    epoch: node.hasStarted ? (node.service?.topology().epoch ?? null) : null,
    hints: hintsOf(node),
  }))
}

export function viewLinks(
  { nodes, wires }: SimulatedCluster,
  cutOf: (from: string, to: string) => CutKind | undefined,
): LinkView[] {
  const ids = [...nodes.values()].filter(({ isGone }) => !isGone).map(({ id }) => id)
  return ids.flatMap((from) =>
    ids
      .filter((to) => to !== from)
      .map((to) => ({
        from,
        to,
        isOpen: wires.isOpen(from, to),
        cut: cutOf(from, to) ?? null,
      })),
  )
}

/** Null if no node has started, or if the bucket does not exist. */
export function viewKey(
  { nodes }: SimulatedCluster,
  bucketLabel: string,
  key: string,
): KeyView | null {
  const topology = newestKnown(nodes.values())
  const bucket = topology?.buckets.find(({ name }) => labelOf(name) === bucketLabel)
  if (topology === undefined || bucket === undefined) return null
  const { partition, owners, next, fallbacks } = preferenceList(topology, bucket, key)
  const copies: Record<string, CopyView> = {}
  const hints: { holder: string; owner: string }[] = []
  for (const { id, platter } of nodes.values()) {
    const record = platter.get(dataKey(partition, bucket.name, key))
    if (record !== undefined) copies[id] = viewCopy(record)
    for (const owner of nodes.keys()) {
      const isKept = platter.raw(hintKey(owner, bucket.name, key)) !== undefined
      if (isKept) hints.push({ holder: id, owner })
    }
  }
  return {
    bucket: bucketLabel,
    key,
    partition,
    owners,
    next: next ?? null,
    fallbacks,
    copies,
    hints,
  }
}

/** The sets of owners in buckets with the usual number of copies, by the newest topology. */
export function viewOwnerSets({ nodes }: SimulatedCluster): readonly OwnerSetView[] {
  const topology = newestKnown(nodes.values())
  if (topology === undefined) return []
  let sets = knownSets.get(topology)
  if (sets === undefined) {
    sets = ownerSetsOf(topology)
    knownSets.set(topology, sets)
  }
  return sets
}

/** A topology never changes, so its sets are counted once. */
const knownSets = new WeakMap<Topology, readonly OwnerSetView[]>()

function ownerSetsOf(topology: Topology): readonly OwnerSetView[] {
  const copies = Math.max(...topology.buckets.map(({ n }) => n))
  const counts = new Map<string, number>()
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const owners = placementAt(topology, copies, partition).owners.toSorted().join(' ')
    counts.set(owners, (counts.get(owners) ?? 0) + 1)
  }
  return [...counts].map(([owners, count]) => ({
    owners: owners.split(' '),
    share: count / PARTITION_COUNT,
  }))
}

/** The zone of each member that shares its zone with another one. */
function sharedZones(topology: Topology | undefined): ReadonlyMap<string, string> {
  const members = topology?.members ?? []
  return new Map(
    members
      .filter(({ id, zone }) => members.some((other) => other.zone === zone && other.id !== id))
      .map(({ id, zone }) => [id, zone]),
  )
}

function stateOf(node: SimulatedNode): NodeView['state'] {
  if (node.isGone) return 'gone'
  if (!node.hasProcess) return 'stopped'
  if (node.host.isFrozen) return 'paused'
  return node.hasStarted ? 'up' : 'starting'
}

function hintsOf({ platter }: SimulatedNode): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [storageKey] of platter.range(...ALL_HINTS, Infinity)) {
    const owner = parseHintKey(storageKey)?.owner
    if (owner !== undefined) counts[owner] = (counts[owner] ?? 0) + 1
  }
  return counts
}

/** The newest topology that a running or paused node knows. */
function newestKnown(nodes: Iterable<SimulatedNode>): Topology | undefined {
  let newest: Topology | undefined
  for (const { hasStarted, service } of nodes) {
    const topology = hasStarted ? service?.topology() : undefined
    if (topology !== undefined && topology.epoch > (newest?.epoch ?? 0)) newest = topology
  }
  return newest
}

/** The owners of a key by the newest topology; none if no node runs, or if the bucket does not exist. */
export function viewOwners(
  { nodes }: SimulatedCluster,
  bucketLabel: string,
  key: string,
): readonly string[] {
  const topology = newestKnown(nodes.values())
  const bucket = topology?.buckets.find(({ name }) => labelOf(name) === bucketLabel)
  return topology === undefined || bucket === undefined
    ? []
    : preferenceList(topology, bucket, key).owners
}

/** A copy in the form in which nodes store and send it. An absent key has an empty record. */
export function viewCopy(record: Uint8Array): CopyView {
  if (record.length === 0) return { isDamaged: false, vector: {}, siblings: [] }
  try {
    const { vector, siblings } = decodeRecord(msgpackCodec, record)
    return {
      isDamaged: false,
      vector: Object.fromEntries(vector),
      siblings: siblings.map(({ actor, timestamp, tombstone, value }) => ({
        actor,
        timestamp,
        isTombstone: tombstone,
        value: decoder.decode(value),
      })),
    }
  } catch {
    return { isDamaged: true, vector: {}, siblings: [] }
  }
}
