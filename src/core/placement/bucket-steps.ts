/**
 * The documents that delete a bucket. Pure: each is computed from the one before.
 *
 * A forced deletion is one document. Any other deletion first closes the bucket: its members then take no writes to it,
 * and so its emptiness can be checked. After that the bucket is removed, or opened again.
 */
import { QuorateError } from '../errors.ts'
import { FIRST_LABELS, labelOf } from './bucket-name.ts'
import { type Bucket, type BucketDeletion, copyCounts, type Topology } from './topology.ts'

/** The bucket with that label. Throws bucket_unknown, or bucket_permanent if it cannot be deleted. */
export function deletableBucket({ buckets }: Topology, label: string): Bucket {
  const bucket = buckets.find(({ name }) => labelOf(name) === label)
  if (bucket === undefined) {
    throw new QuorateError('bucket_unknown', `there is no bucket ${label}`)
  }
  if (!FIRST_LABELS.includes(label)) return bucket
  throw new QuorateError(
    'bucket_permanent',
    `every cluster has the buckets ${FIRST_LABELS.join(', ')}, so ${label} cannot be deleted`,
  )
}

/** Undefined if the bucket is closed for this deletion already. Throws bucket_unknown or change_under_way. */
export function closeBucket(topology: Topology, deletion: BucketDeletion): Topology | undefined {
  if (isOf(topology, deletion)) return undefined
  const { bucket } = deletion
  if (isGone(topology, bucket)) {
    throw new QuorateError('bucket_unknown', `there is no bucket ${labelOf(bucket)}`)
  }
  refuseWhileChanging(topology, bucket)
  return { ...topology, epoch: topology.epoch + 1, deletion }
}

/** Undefined if that deletion is over. */
export function reopenBucket(topology: Topology, deletion: BucketDeletion): Topology | undefined {
  return isOf(topology, deletion)
    ? { ...withoutDeletion(topology), epoch: topology.epoch + 1 }
    : undefined
}

/**
 * Removes a bucket that was found empty at all members of `checked`, the document that closed it. Undefined if the
 * bucket is gone. Throws change_under_way if a member may have taken a write since.
 */
export function removeEmptyBucket(
  topology: Topology,
  deletion: BucketDeletion,
  checked: Topology,
): Topology | undefined {
  if (isGone(topology, deletion.bucket)) return undefined
  const isSame = topology.placementVersion === checked.placementVersion
  if (!isOf(topology, deletion) || !isSame || topology.change !== undefined) {
    throw underWay('the members were changed in between, or the check took too long')
  }
  return without(topology, deletion.bucket)
}

/** Removes a bucket with all that it holds. Undefined if it is gone. Throws change_under_way. */
export function removeBucket(topology: Topology, bucket: string): Topology | undefined {
  if (isGone(topology, bucket)) return undefined
  const next = without(topology, bucket)
  // The members that a change waits for follow from the replica counts of the buckets (change-steps.ts).
  const isChanging = topology.change !== undefined
  if (isChanging && copyCounts(next).length < copyCounts(topology).length) {
    throw underWay('no other bucket has as many copies, and copies are being moved')
  }
  return next
}

/**
 * Whether the bucket is deleted. Throws change_under_way if another bucket has its label: the request came to a node
 * that did not know of that bucket, and its client may mean it.
 */
function isGone({ buckets }: Topology, bucket: string): boolean {
  const label = labelOf(bucket)
  const known = buckets.find(({ name }) => labelOf(name) === label)
  if (known === undefined || known.name === bucket) return known === undefined
  throw underWay(`the bucket ${label} was deleted and created again in between`)
}

function refuseWhileChanging({ change, deletion }: Topology, bucket: string): void {
  if (change !== undefined) throw underWay('the members are being changed')
  if (deletion === undefined) return
  const other = deletion.bucket === bucket ? 'this bucket' : labelOf(deletion.bucket)
  throw underWay(`another request to delete ${other} is under way`)
}

function without(topology: Topology, bucket: string): Topology {
  const epoch = topology.epoch + 1
  const buckets = topology.buckets.filter(({ name }) => name !== bucket)
  const kept = topology.deletion?.bucket === bucket ? withoutDeletion(topology) : topology
  return { ...kept, epoch, buckets, lastDeletion: epoch }
}

function withoutDeletion(topology: Topology): Topology {
  const { deletion: _, ...others } = topology
  return others
}

function isOf({ deletion }: Topology, { bucket, id }: BucketDeletion): boolean {
  return deletion?.bucket === bucket && deletion.id === id
}

function underWay(why: string): QuorateError {
  return new QuorateError('change_under_way', `${why}: the bucket was not deleted, retry`, {
    retryAfterSeconds: 1,
  })
}
