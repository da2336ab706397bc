/**
 * Shrinks an expired value to its metadata. An expired value is never served again, but its dot has to stay until all
 * owners are known to hold it (core/repair/horizon.ts). So each owner shrinks it to a tombstone on its own. While a
 * member is away and nothing is forgotten, expired values then cost only a few bytes each.
 *
 * A shrunk value keeps its dot, its expiry time and its dependencies, so it covers other writes and is forgotten
 * exactly as before. The result depends only on the value: owners that shrink at different moments end with equal
 * bytes.
 *
 * Invariant: of two copies of one dot the shrunk one wins (sibling.ts), so a value that was shrunk anywhere never comes
 * back.
 */
import type { StoredObject } from './stored-object.ts'
import type { Sibling } from './sibling.ts'

const NOTHING = new Uint8Array(0)

/** Whether the object has values that had expired at `untilMs` and are not shrunk yet. */
export function hasValuesToShrink({ siblings }: StoredObject, untilMs: number): boolean {
  return siblings.some((sibling) => isToShrink(sibling, untilMs))
}

/** The object without the bytes of values that had expired at `untilMs`; the object itself if there are none. */
export function shrinkExpired(object: StoredObject, untilMs: number): StoredObject {
  if (!hasValuesToShrink(object, untilMs)) return object
  const siblings = object.siblings.map((sibling) =>
    isToShrink(sibling, untilMs)
      ? { ...sibling, value: NOTHING, contentType: '', tombstone: true }
      : sibling,
  )
  return { ...object, siblings }
}

function isToShrink({ tombstone, expiresAtMs }: Sibling, untilMs: number): boolean {
  return !tombstone && expiresAtMs !== 0 && expiresAtMs <= untilMs
}
