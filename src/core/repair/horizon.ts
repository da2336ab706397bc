/**
 * The horizon of an owner is a timestamp up to which it holds everything that any owner holds, and nothing older is
 * under way. A sibling up to the horizon that this owner does not hold is history: it was replaced, deleted or
 * collected. So tombstones can be forgotten and never come back, and vectors need no entries below the horizon.
 *
 * Invariant: an owner has a horizon H only if, in its present life, it has taken over everything with a dot up to H
 * from every other owner, after every member had raised its floor to H (stability.ts).
 */
import { compareDots, type Timestamp } from '../causality/dot.ts'
import { ABSENT, type StoredObject } from '../causality/stored-object.ts'
import type { Sibling } from '../causality/sibling.ts'
import { NAME_WINDOW_MS } from '../causality/update-name.ts'
import { ANSWERED_MS } from '../consensus/register-memory.ts'

/** Vectors below this size are not pruned: they are small. */
export const VECTOR_ENTRIES_PLENTY = 8

/**
 * The part of `incoming` that is not history for an owner with this horizon that holds `held`: siblings that are newer,
 * or that the owner holds itself. Returns `incoming` itself if nothing is history.
 */
export function withoutHistory(
  incoming: StoredObject,
  held: StoredObject,
  horizon: Timestamp,
): StoredObject {
  const isNews = (sibling: Sibling): boolean =>
    sibling.timestamp > horizon || held.siblings.some((own) => compareDots(own, sibling) === 0)
  if (incoming.siblings.every(isNews)) return incoming
  const siblings = incoming.siblings.filter(isNews)
  const isAllHistory = siblings.length === 0 && incoming.vector.newest <= horizon
  return isAllHistory ? ABSENT : { vector: incoming.vector, siblings }
}

/**
 * The same for a strong key, whose whole object is one proposal. If an owner does not hold the key, proposals up to its
 * horizon are history, and it accepts none of them (node/strong/register-acceptor.ts).
 */
export function withoutOldProposal(
  incoming: StoredObject,
  held: StoredObject,
  horizon: Timestamp,
): StoredObject {
  if (held.vector.size > 0) return incoming
  if (incoming.vector.newest > horizon) return incoming
  return ABSENT
}

/**
 * Removes the entries that the vector does not need, once the whole object is settled: the writes that they cover are
 * history without them. This must not happen earlier, because an owner with a lower horizon may still hold a covered
 * write. It would take that write for a new sibling of the write that replaced it. Returns the object itself if nothing
 * changes, and `ABSENT` if nothing is left: a set whose elements are all removed has no siblings, only a vector.
 */
export function pruneVector(object: StoredObject, horizon: Timestamp): StoredObject {
  if (object.vector.size <= VECTOR_ENTRIES_PLENTY || !isSettled(object, horizon)) return object
  const held = new Set(object.siblings.map(({ actor }) => actor))
  const vector = object.vector.filter((actor) => held.has(actor))
  if (vector === object.vector) return object
  return vector.size === 0 ? ABSENT : { vector, siblings: object.siblings }
}

/**
 * The wall time in ms from which the object holds only tombstones and expired values. A tombstone counts from its own
 * time, and a value from its expiry. Undefined if a value never expires, or nothing is held. A strong key counts as live
 * as long as a write that it remembers may be sent again (register-memory.ts). So does the tombstone of a counter
 * (update-name.ts).
 */
export function deadFromMs(
  object: StoredObject,
  wallMsOf: (timestamp: Timestamp) => number,
): number | undefined {
  if (object.siblings.length === 0 && object.vector.size === 0) return undefined
  let from = 0
  for (const { tombstone, expiresAtMs, timestamp, value } of object.siblings) {
    if (!tombstone && expiresAtMs === 0) return undefined
    const rememberedMs = tombstone && value.length > 0 ? NAME_WINDOW_MS : 0
    from = Math.max(from, wallMsOf(timestamp) + rememberedMs, expiresAtMs)
  }
  from = Math.max(from, wallMsOf(object.vector.newest))
  for (const { dot } of object.memory?.answered ?? []) {
    from = Math.max(from, wallMsOf(dot.timestamp) + ANSWERED_MS)
  }
  return from
}

/**
 * The wall time in ms from which readers see no value any more, because the last one has expired. Undefined if a value
 * never expires, or the object holds none. The object may have to be kept for longer (`deadFromMs`).
 */
export function expiredFromMs({ siblings }: StoredObject): number | undefined {
  let from: number | undefined
  for (const { tombstone, expiresAtMs } of siblings) {
    if (tombstone) continue
    if (expiresAtMs === 0) return undefined
    from = Math.max(from ?? 0, expiresAtMs)
  }
  return from
}

/**
 * The horizon at which an owner may forget the object; undefined if it must not. `marginMs`: how much nodes may
 * disagree about whether a value has expired.
 */
export function forgottenFrom(
  object: StoredObject,
  wallMsOf: (timestamp: Timestamp) => number,
  timestampOf: (wallMs: number) => Timestamp,
  marginMs: number,
): Timestamp | undefined {
  const deadMs = deadFromMs(object, wallMsOf)
  if (deadMs === undefined) return undefined
  return Math.max(
    timestampOf(deadMs + marginMs),
    object.vector.newest,
    ...object.siblings.map(({ timestamp }) => timestamp),
  )
}

/** Whether everything in the object is at or below the horizon. */
export function isSettled(object: StoredObject, horizon: Timestamp): boolean {
  if (object.vector.newest > horizon) return false
  return object.siblings.every(({ timestamp }) => timestamp <= horizon)
}
