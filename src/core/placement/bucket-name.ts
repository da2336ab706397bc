/**
 * The two names of a bucket. Clients use its *label*. Everything that nodes store, send and compare uses its *name*,
 * which belongs to that bucket alone, for ever.
 *
 * A label may return: a bucket is deleted, and another one is created with the same label, perhaps of another mode. The
 * new bucket has a new name. So a record, a hint, a promise, a message, or a whole directory of the old bucket, however
 * late it comes, never belongs to the new one.
 *
 * Until the first deletion in a cluster, the name is the label. From then on the name of a new bucket also contains the
 * epoch of the document that created it: `carts~17`. No label contains a `~`.
 */
import type { Bucket, Topology } from './topology.ts'

const MARK = '~'

/** The buckets of the first topology (first-topology.ts). They cannot be deleted. */
export const FIRST_LABELS: readonly string[] = ['default', 'latest', 'strong']

export function labelOf(name: string): string {
  const mark = name.indexOf(MARK)
  return mark < 0 ? name : name.slice(0, mark)
}

/** The bucket as clients know it: with its label in place of its name. */
export function asLabelled(bucket: Bucket): Bucket {
  const label = labelOf(bucket.name)
  return label === bucket.name ? bucket : { ...bucket, name: label }
}

/** The name of a bucket that the document after `topology` creates. */
export function newBucketName({ epoch, lastDeletion }: Topology, label: string): string {
  return lastDeletion === undefined ? label : `${label}${MARK}${epoch + 1}`
}

/**
 * Whether the bucket with that name existed once and is deleted. False also for a bucket that a later document, which
 * this node does not know yet, may create.
 */
export function isDeletedBucket({ epoch, lastDeletion, buckets }: Topology, name: string): boolean {
  // Names that are labels were given only before the first deletion, so this document lists all that still exist.
  if (lastDeletion === undefined || buckets.some((bucket) => bucket.name === name)) return false
  const mark = name.indexOf(MARK)
  return mark < 0 || Number(name.slice(mark + 1)) <= epoch
}
