/**
 * A set as siblings that are merged like any others: each is one element with the dot of its adding, and what
 * is removed is what the version vector covers and no sibling stands for any more. It is the observed-remove
 * set without tombstones (Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas, Duarte 2012): an element
 * that is added and removed concurrently stays.
 *
 * Owners that add one element concurrently hold it twice; whoever next adds or removes it replaces both.
 */
import { assert } from '../assert.ts'
import type { Dot } from './dot.ts'
import { replaceSiblings, type StoredObject } from './stored-object.ts'
import type { Sibling } from './sibling.ts'

/** Of one element, in UTF-8. */
export const ELEMENT_BYTES_MAX = 1024

/**
 * The set after the holder of `held` removed and added elements, none of them both. `dots` are new ones of one
 * actor in their order: as many as `added`, and one where nothing is added.
 */
export function changeSet(
  held: StoredObject,
  dots: readonly Dot[],
  added: readonly Uint8Array[],
  removed: readonly Uint8Array[],
): StoredObject {
  assert(dots.length === Math.max(1, added.length), `${dots.length} dots for ${added.length}`)
  const siblings = added.map((value, i): Sibling => {
    const { actor, timestamp } = dots[i] as Dot
    return { actor, timestamp, value, contentType: '', tombstone: false, expiresAtMs: 0 }
  })
  const isAdding = added.length > 0
  const changed = new Set([...added, ...removed].map(nameOf))
  return replaceSiblings(held, dots, siblings, (sibling) =>
    sibling.tombstone ? isAdding : changed.has(nameOf(sibling.value)),
  )
}

/** The distinct elements of live siblings, in the order of their bytes. */
export function elementsOf(siblings: readonly Sibling[]): Uint8Array[] {
  const byName = new Map(siblings.map(({ value }) => [nameOf(value), value]))
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

/** One character a byte: equal for equal bytes only, and in their order. */
function nameOf(value: Uint8Array): string {
  return String.fromCharCode(...value)
}
