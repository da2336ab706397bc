/** The data partition of a key, out of Q. It is the same on every node, and never changes. */
import { hashText } from '../hash/text-hash.ts'
import { PARTITION_COUNT } from './topology.ts'

/** Bucket names contain no slash, so different pairs of bucket and key give different texts. */
export function partitionOf(bucket: string, key: string): number {
  return partitionOfHash(hashText(`${bucket}/${key}`))
}

/** The same, from the hash of `bucket/key`. */
export function partitionOfHash(keyHash: number): number {
  return keyHash % PARTITION_COUNT
}
