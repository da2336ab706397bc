/** The hash of one key's copy in the hash tree. It covers the key and the version that the owner holds. */
import type { Timestamp } from '../causality/dot.ts'
import type { StoredObject } from '../causality/stored-object.ts'
import { mix, NO_HASH, type TreeHash } from './hash-tree.ts'

/**
 * `keyHash` is the hash of `bucket/key`, and `checksum` is that of the record. The low half comes from the checksum, the
 * high half from the timestamps. So two versions look equal only if both collide.
 */
export function copyHash(keyHash: number, checksum: number, object: StoredObject): TreeHash {
  if (object.siblings.length === 0 && object.vector.size === 0) return NO_HASH
  let high = mix(keyHash ^ 0x5bd1e995)
  // Sums and not a chain: nodes of an earlier version, whose vectors have no order, compute the same.
  let times = 0
  const { flat } = object.vector
  for (let i = 1; i < flat.length; i += 2) times = (times + mixTime(flat[i] as Timestamp)) | 0
  for (const { timestamp } of object.siblings) times = (times + 3 * mixTime(timestamp)) | 0
  high = mix(high ^ times)
  return { low: mix(mix(keyHash) ^ checksum), high }
}

function mixTime(timestamp: number): number {
  return mix((timestamp >>> 0) ^ mix(Math.floor(timestamp / 2 ** 32)))
}
