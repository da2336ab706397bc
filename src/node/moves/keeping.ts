/**
 * Decides which keys this node keeps under the topology it knows. Only those are stored here, or shown to other nodes.
 */
import { placementAt } from '../../core/placement/preference-list.ts'
import { copyCounts, PARTITION_COUNT } from '../../core/placement/topology.ts'
import type { GainedPartitions, GainedPlace } from './gained-partitions.ts'
import type { Location } from '../replica/replica.ts'
import { whyGone } from '../replica/closed-bucket.ts'
import type { Refusal } from '../wire/messages.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

interface KeepingParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly gained: GainedPartitions
}

/** Why this node does not keep the key; undefined if it does. */
export function whyNotKept(
  parts: KeepingParts,
  { bucket, partition }: Pick<Location, 'bucket' | 'partition'>,
): Refusal | undefined {
  const gone = whyGone(parts.keeper, bucket)
  if (gone !== undefined) return gone
  const { self } = parts
  switch (howKept(parts, { partition, copies: bucket.n })) {
    case 'kept':
      return undefined
    case 'not yet':
      return { code: 'not_ready', message: `${self} is not ready to keep the key yet` }
    case 'not kept':
      return { code: 'not_owner', message: `${self} does not keep the key` }
  }
}

/** The places whose keys this node keeps now, each as `partition/copies`. */
export function keptPlaces(parts: KeepingParts): ReadonlySet<string> {
  const kept = new Set<string>()
  for (const copies of copyCounts(parts.keeper.topology)) {
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      if (howKept(parts, { partition, copies }) === 'kept') kept.add(`${partition}/${copies}`)
    }
  }
  return kept
}

function howKept(
  { self, keeper, gained }: KeepingParts,
  place: GainedPlace,
): 'kept' | 'not yet' | 'not kept' {
  const { topology } = keeper
  const { owners, next } = placementAt(topology, place.copies, place.partition)
  if (owners.includes(self)) return gained.isCleared(place) ? 'kept' : 'not yet'
  if (next?.includes(self) !== true) return 'not kept'
  const isReady = topology.change !== undefined && gained.isClearedFor(place, topology.change.id)
  return isReady ? 'kept' : 'not yet'
}
