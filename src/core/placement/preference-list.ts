/** Where a key lives: its data partition, the nodes that own it, and those that stand in, in order. */
import { partitionOf } from './data-partition.ts'
import { type Bucket, PARTITION_COUNT, type Topology } from './topology.ts'

export interface Placement {
  readonly partition: number
  /** The first n of the partition's order of preference. */
  readonly owners: readonly string[]
  /** While the key moves to other owners: those, in order of preference. A quorum of both is needed. */
  readonly next: readonly string[] | undefined
  /** All others, in the order in which they stand in. */
  readonly fallbacks: readonly string[]
}

/** For each topology and n: the placement of each partition, made once, for this is asked at each request. */
const compiled = new WeakMap<Topology, Map<number, readonly Placement[]>>()

export function preferenceList(topology: Topology, bucket: Bucket, key: string): Placement {
  return placementAt(topology, bucket.n, partitionOf(bucket.name, key))
}

/** Of the keys of a partition with so many copies. */
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

/** Whoever is sent the writes of a partition's keys with so many copies: owners, and those to come. */
export function isKeeper(
  topology: Topology,
  copies: number,
  partition: number,
  node: string,
): boolean {
  const { owners, next } = placementAt(topology, copies, partition)
  return owners.includes(node) || next?.includes(node) === true
}

/** Whoever holds what owners may lack: owners, and those that were and have not been released. */
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

function compile({ members, preference, change }: Topology, n: number): readonly Placement[] {
  const idsOf = (list: readonly number[]): string[] => list.map((i) => members[i]?.id as string)
  // Who hands its hints over gets no more of them.
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
