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
  let byN = compiled.get(topology)
  if (byN === undefined) {
    byN = new Map()
    compiled.set(topology, byN)
  }
  let placements = byN.get(bucket.n)
  if (placements === undefined) {
    placements = compile(topology, bucket.n)
    byN.set(bucket.n, placements)
  }
  return placements[partitionOf(bucket.name, key)] as Placement
}

/** Whoever keeps copies of a partition's keys with so many copies, or is about to, or has not given them up yet. */
export function holdersOf(topology: Topology, partition: number, copies: number): Set<number> {
  const { preference, change } = topology
  const owners = (lists: Topology['preference']): readonly number[] =>
    (lists[partition] as readonly number[]).slice(0, copies)
  const isBoth = change !== undefined && change.phase !== 'emptying'
  return new Set([...owners(preference), ...(isBoth ? owners(change.other) : [])])
}

function compile({ members, preference, change }: Topology, n: number): readonly Placement[] {
  const idsOf = (list: readonly number[]): string[] => list.map((i) => members[i]?.id as string)
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => {
    const nodes = idsOf(preference[partition] as readonly number[])
    const owners = nodes.slice(0, n)
    const coming =
      change?.phase === 'moving'
        ? idsOf(change.other[partition] as readonly number[]).slice(0, n)
        : owners
    const isMoving = coming.some((node) => !owners.includes(node))
    const next = isMoving ? coming : undefined
    const fallbacks = nodes.slice(n).filter((node) => next?.includes(node) !== true)
    return Object.freeze({ partition, owners, next, fallbacks })
  })
}
