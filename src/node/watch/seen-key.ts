/** One event of a watch: the live values of a key at that time. */
import { liveSiblings, type StoredObject } from '../../core/causality/stored-object.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type { WatchedKey } from '../service/watch.ts'

/** `sizes`: the sizes of the siblings' values, by position. */
export function seenKey(
  bucket: Bucket,
  key: string,
  { object, sizes }: { readonly object: StoredObject; readonly sizes: readonly number[] },
  nowMs: number,
): WatchedKey {
  const live = new Set(liveSiblings(object, nowMs))
  let size = 0
  object.siblings.forEach((sibling, i) => {
    if (live.has(sibling)) size += sizes[i] as number
  })
  const dots = [...live].map(({ actor, timestamp }) => ({ actor, timestamp }))
  // All siblings of a counter or a set together are one value.
  const siblings = isTypeMode(bucket.mode) ? Math.min(live.size, 1) : live.size
  return { key, size, siblings, dots }
}
