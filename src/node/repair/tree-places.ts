/**
 * Places in the hash trees of several data partitions. Both comparisons go down the trees with them, level by level.
 */
import { TREE_FANOUT } from '../../core/repair/hash-tree.ts'
import type { TreePlace } from '../wire/asks/repair-asks.ts'

/** Bound of the places asked for in one message. */
export const PLACES_PER_ASK = 512

/** The roots of these data partitions' trees. */
export function rootsOf(partitions: readonly number[]): TreePlace[] {
  return partitions.map((partition) => ({ partition, index: 0 }))
}

/** The places one level further down. */
export function childrenOf(places: readonly TreePlace[]): TreePlace[] {
  return places.flatMap(({ partition, index }) =>
    Array.from({ length: TREE_FANOUT }, (_, i) => ({ partition, index: index * TREE_FANOUT + i })),
  )
}
