/** Which keys this node keeps, by the topology that it knows: only those are stored, and told, to anybody. */
import { placementAt } from '../core/placement/preference-list.ts'
import type { GainedPartitions } from './gained-partitions.ts'
import type { Location, Refusal } from './replica.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

/** Undefined where it keeps the key. */
export function whyNotKept(
  { self, keeper, gained }: { self: string; keeper: TopologyKeeper; gained: GainedPartitions },
  { bucket, partition }: Pick<Location, 'bucket' | 'partition'>,
): Refusal | undefined {
  const { topology } = keeper
  const { owners, next } = placementAt(topology, bucket.n, partition)
  if (owners.includes(self)) return undefined
  if (next?.includes(self) !== true) {
    return { code: 'not_owner', message: `${self} does not keep the key` }
  }
  if (topology.change !== undefined && gained.isCleared(partition, topology.change.id)) {
    return undefined
  }
  return { code: 'not_ready', message: `${self} is about to keep the key` }
}
