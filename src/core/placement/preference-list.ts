/** Where a key lives: its data partition, the nodes that own it, and those that stand in, in order. */
import { partitionOf } from './data-partition.ts'
import { type Bucket, PARTITION_COUNT, type Topology } from './topology.ts'

export interface Placement {
  readonly partition: number
  /** The first n of the partition's order of preference. */
  readonly owners: readonly string[]
  /** The others, in the order in which they stand in. */
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

function compile({ members, preference }: Topology, n: number): readonly Placement[] {
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => {
    const nodes = (preference[partition] as readonly number[]).map((i) => members[i]?.id as string)
    return Object.freeze({ partition, owners: nodes.slice(0, n), fallbacks: nodes.slice(n) })
  })
}
