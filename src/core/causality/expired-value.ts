/**
 * An expired value without its bytes. A value that has expired is never served again, but its dot has to stay until all
 * owners are known to hold it (core/repair/horizon.ts). So each owner shrinks it to a tombstone, by itself: while a
 * member is away and nothing is forgotten, expired values then cost a few bytes each.
 *
 * A shrunk value keeps its dot, its time of expiry and its dependencies, so it covers, and is forgotten, exactly as
 * before. It follows from the value alone: owners that shrink at different moments end with equal bytes.
 *
 * Invariant: of two copies of one dot the shrunk one stays (sibling.ts), so a value that was shrunk anywhere never comes
 * back.
 */
import type { StoredObject } from './stored-object.ts'
import type { Sibling } from './sibling.ts'

const NOTHING = new Uint8Array(0)

/** Whether the object has values that had expired at `untilMs` and are not shrunk yet. */
export function hasValuesToShrink({ siblings }: StoredObject, untilMs: number): boolean {
  return siblings.some((sibling) => isToShrink(sibling, untilMs))
}

/** The object without the bytes of the values that had expired at `untilMs`; the object itself where there is none. */
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
