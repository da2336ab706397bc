/**
 * A set as siblings that merge like any others. Each sibling is one element with the dot of its add. An element is
 * removed if the version vector covers its dot and no sibling has it. This is the observed-remove set without
 * tombstones (Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas, Duarte 2012): an element that is added and
 * removed concurrently stays.
 *
 * If owners add one element concurrently, the set holds it twice. The next add or remove of the element replaces both.
 */
import { assert } from '../assert.ts'
import type { Dot } from './dot.ts'
import { replaceSiblings, type StoredObject } from './stored-object.ts'
import type { Sibling } from './sibling.ts'

/** Bytes of one element in UTF-8. */
export const ELEMENT_BYTES_MAX = 1024

/**
 * The set after the holder of `held` has removed and added elements; no element is in both lists. `dots` are new dots
 * of one actor, in order: one for each added element, and one if nothing is added.
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

/** The distinct elements of live siblings, in byte order. */
export function elementsOf(siblings: readonly Sibling[]): Uint8Array[] {
  const byName = new Map(siblings.map(({ value }) => [nameOf(value), value]))
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

/** One character for each byte: equal only for equal bytes, and in their order. */
function nameOf(value: Uint8Array): string {
  return String.fromCharCode(...value)
}
