/** Planted bugs (planted-bugs.ts) in the deletion of buckets: each could bring a value back, or lose one. */
import type { FaultKind } from '../plan/sim-fault.ts'
import type { PlantedBug } from './planted-bug.ts'

const CUTS: readonly FaultKind[] = ['partition', 'isolate', 'kill', 'pause']
const RUN = { seconds: 60, workloads: ['bucket'], nemesis: CUTS, keys: 40, clients: 12 } as const

export const PLANTED_BUCKET_BUGS: readonly PlantedBug[] = [
  {
    name: 'bucket-name-reused',
    what: 'a bucket gets the name of an earlier one with the same label',
    file: 'core/placement/bucket-name.ts',
    find: 'return lastDeletion === undefined ? label : `${label}${MARK}${epoch + 1}`',
    replace: 'return epoch < 0 || lastDeletion === -1 ? MARK : label',
    seeds: 10,
    ...RUN,
  },
  {
    name: 'bucket-empty-by-majority',
    what: 'a bucket counts as empty although some members have not told what they hold',
    file: 'node/buckets/bucket-deletion.ts',
    find: 'if (silent.length === 0) return',
    replace: 'if (silent.length <= 2) return',
    seeds: 60,
    ...RUN,
    // Few keys, so that a bucket is soon empty at all members but the silent one.
    nemesis: ['isolate'],
    keys: 5,
    clients: 6,
  },
  {
    name: 'bucket-never-closed',
    what: 'members take writes while they are asked whether the bucket is empty',
    file: 'node/replica/closed-bucket.ts',
    find: 'if (!buckets.isClosed(bucket.name)) return whyGone(buckets, bucket)',
    replace: 'if (buckets !== undefined) return whyGone(buckets, bucket)',
    also: {
      file: 'node/round/request-placer.ts',
      find: 'if (!this.#parts.keeper.isClosed(name)) return',
      replace: 'if (name !== undefined) return',
    },
    seeds: 20,
    ...RUN,
  },
  {
    name: 'bucket-hints-left',
    what: 'the hints of a deleted bucket are kept for ever',
    file: 'node/buckets/deleted-buckets.ts',
    find: 'await this.#dropHints(isDeleted)',
    replace: 'void this.#dropHints',
    seeds: 20,
    ...RUN,
  },
]
