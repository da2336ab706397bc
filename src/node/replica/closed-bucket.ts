/** Why a node stores nothing in a bucket: it is deleted, or it takes no writes until it is known to be empty. */
import { labelOf } from '../../core/placement/bucket-name.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Refusal } from '../wire/messages.ts'

/** The part of the topology keeper that knows the buckets (topology-keeper.ts). */
export interface OpenBuckets {
  bucket(name: string): Bucket | undefined
  isClosed(name: string): boolean
}

export function closedWords(name: string): string {
  return `the bucket ${labelOf(name)} takes no writes while a request to delete it is under way`
}

/** Undefined if the bucket exists. A copy in it must not be shown any more once it does not. */
export function whyGone(buckets: OpenBuckets, { name }: Bucket): Refusal | undefined {
  if (buckets.bucket(name) !== undefined) return undefined
  return { code: 'unknown_bucket', message: `the bucket ${labelOf(name)} was deleted` }
}

/** Undefined if copies may be stored in the bucket. */
export function whyClosed(buckets: OpenBuckets, bucket: Bucket): Refusal | undefined {
  if (!buckets.isClosed(bucket.name)) return whyGone(buckets, bucket)
  return { code: 'not_ready', message: closedWords(bucket.name) }
}
