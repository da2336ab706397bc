/** The place of a key: its data partition, its owners, and the fallbacks, in order. */
import { partitionOf } from './data-partition.ts'
import { isLostMember } from './lost-members.ts'
import { type Bucket, PARTITION_COUNT, type Topology } from './topology.ts'

export interface Placement {
  readonly partition: number
  /** The first n members in the partition's order of preference. */
  readonly owners: readonly string[]
  /** The next owners, in order of preference, while the key moves. Requests then need a quorum of both groups. */
  readonly next: readonly string[] | undefined
  /** All other members, in the order in which they stand in. */
  readonly fallbacks: readonly string[]
}

/** The placement of each partition, for each topology and n. Computed once, because every request needs it. */
const compiled = new WeakMap<Topology, Map<number, readonly Placement[]>>()

export function preferenceList(topology: Topology, bucket: Bucket, key: string): Placement {
  return placementAt(topology, bucket.n, partitionOf(bucket.name, key))
}

/** The placement of a partition, for keys with n copies. */
export function placementAt(topology: Topology, n: number, partition: number): Placement {
  let byN = compiled.get(topology)
  if (byN === undefined) {
    byN = new Map()
    compiled.set(topology, byN)
  }
  let placements = byN.get(n)
  if (placements === undefined) {
    placements = compile(topology, n)
    byN.set(n, placements)
  }
  return placements[partition] as Placement
}

/** Whether the node gets the writes of the partition's keys: it is an owner or a next owner. */
export function isKeeper(
  topology: Topology,
  copies: number,
  partition: number,
  node: string,
): boolean {
  const { owners, next } = placementAt(topology, copies, partition)
  return owners.includes(node) || next?.includes(node) === true
}

/** Whether the node may hold copies that owners lack: it is an owner, or an old owner that is not released yet. */
export function isHolder(
  topology: Topology,
  copies: number,
  partition: number,
  node: string,
): boolean {
  const { members, change } = topology
  if (placementAt(topology, copies, partition).owners.includes(node)) return true
  if (change?.phase !== 'releasing') return false
  const before = (change.other[partition] as readonly number[]).slice(0, copies)
  return before.some((i) => members[i]?.id === node)
}

/**
 * The nodes from which a node without its copies takes them over before it may be read: the owners. If one of them is
 * lost, also the old owners that are not released yet, because one of them may hold what the lost owner held.
 */
export function refillSources(
  topology: Topology,
  copies: number,
  partition: number,
): readonly string[] {
  const { members, change } = topology
  const { owners } = placementAt(topology, copies, partition)
  if (change?.phase !== 'releasing' || !owners.some((id) => isLostMember(topology, id))) {
    return owners
  }
  const old = members.flatMap(({ id }) =>
    isHolder(topology, copies, partition, id) && !owners.includes(id) ? [id] : [],
  )
  return [...owners, ...old.filter((id) => !change.done.includes(id))]
}

function compile({ members, preference, change }: Topology, n: number): readonly Placement[] {
  const idsOf = (list: readonly number[]): string[] => list.map((i) => members[i]?.id as string)
  // A member that hands over its hints gets no more of them.
  const emptying = change?.phase === 'emptying' ? change.leaving : null
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => {
    const nodes = idsOf(preference[partition] as readonly number[])
    const owners = nodes.slice(0, n)
    const coming =
      change?.phase === 'moving'
        ? idsOf(change.other[partition] as readonly number[]).slice(0, n)
        : owners
    const isMoving = coming.some((node) => !owners.includes(node))
    const next = isMoving ? coming : undefined
    const fallbacks = nodes
      .slice(n)
      .filter((node) => next?.includes(node) !== true && node !== emptying)
    return Object.freeze({ partition, owners, next, fallbacks })
  })
}
