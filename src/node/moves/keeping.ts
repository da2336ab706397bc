/**
 * Decides which keys this node keeps under the topology it knows. Only those are stored here, or shown to other nodes.
 */
import { placementAt } from '../../core/placement/preference-list.ts'
import type { GainedPartitions } from './gained-partitions.ts'
import type { Location } from '../replica/replica.ts'
import { whyGone } from '../replica/closed-bucket.ts'
import type { Refusal } from '../wire/messages.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

/** Why this node does not keep the key; undefined if it does. */
export function whyNotKept(
  { self, keeper, gained }: { self: string; keeper: TopologyKeeper; gained: GainedPartitions },
  { bucket, partition }: Pick<Location, 'bucket' | 'partition'>,
): Refusal | undefined {
  const gone = whyGone(keeper, bucket)
  if (gone !== undefined) return gone
  const { topology } = keeper
  const { owners, next } = placementAt(topology, bucket.n, partition)
  const place = { partition, copies: bucket.n }
  if (owners.includes(self)) return gained.isCleared(place) ? undefined : notYet(self)
  if (next?.includes(self) !== true) {
    return { code: 'not_owner', message: `${self} does not keep the key` }
  }
  const isReady = topology.change !== undefined && gained.isClearedFor(place, topology.change.id)
  return isReady ? undefined : notYet(self)
}

function notYet(self: string): Refusal {
  return { code: 'not_ready', message: `${self} is not ready to keep the key yet` }
}
