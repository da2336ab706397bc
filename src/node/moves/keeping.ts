/** Which keys this node keeps, by the topology that it knows: only those are stored, and told, to anybody. */
import { placementAt } from '../../core/placement/preference-list.ts'
import type { GainedPartitions } from './gained-partitions.ts'
import type { Location } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

/** Undefined where it keeps the key. */
export function whyNotKept(
  { self, keeper, gained }: { self: string; keeper: TopologyKeeper; gained: GainedPartitions },
  { bucket, partition }: Pick<Location, 'bucket' | 'partition'>,
): Refusal | undefined {
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
  return { code: 'not_ready', message: `${self} is about to keep the key` }
}
