/** Which of the Q data partitions a key lies in: the same on every node, for ever. */
import { hashText } from '../hash/text-hash.ts'
import { PARTITION_COUNT } from './topology.ts'

/** A slash separates the two: bucket names have none, so no two pairs are the same text. */
export function partitionOf(bucket: string, key: string): number {
  return partitionOfHash(hashText(`${bucket}/${key}`))
}

/** The same, from the hash of `bucket/key`. */
export function partitionOfHash(keyHash: number): number {
  return keyHash % PARTITION_COUNT
}
