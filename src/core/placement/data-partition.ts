/** Which of the Q data partitions a key lies in: the same on every node, for ever. */
import { hashText } from '../hash/text-hash.ts'
import { PARTITION_COUNT } from './topology.ts'

/** A slash separates the two: bucket names have none, so no two pairs are the same text. */
export function partitionOf(bucket: string, key: string): number {
  return hashText(`${bucket}/${key}`) % PARTITION_COUNT
}
