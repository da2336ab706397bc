/**
 * The horizon: a timestamp up to which this owner holds everything that any owner does, and past which no
 * older write is on its way. What is older than it, and not held here, is history: replaced, deleted,
 * collected. So deletes can be forgotten without ever coming back, and vectors need no entries below it.
 *
 * Invariant: an owner has a horizon H only if, in its present life, it has taken over everything with a dot up
 * to H from every other owner, after every member had promised to send nothing new with such a dot.
 */
import { compareDots, type Timestamp } from '../causality/dot.ts'
import { ABSENT, type StoredObject } from '../causality/stored-object.ts'
import type { Sibling } from '../causality/sibling.ts'
import type { Actor } from '../causality/dot.ts'
import { NAME_WINDOW_MS } from '../causality/update-name.ts'
import { ANSWERED_MS } from '../consensus/register-memory.ts'

/** Vectors below this size are left alone: they are small, and cost nothing to keep. */
export const VECTOR_ENTRIES_PLENTY = 8

/**
 * What of `incoming` is not history to an owner with this horizon that holds `held`: siblings that are newer,
 * or that it holds itself. Returns `incoming` itself where that is all.
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
  const isAllHistory =
    siblings.length === 0 && [...incoming.vector.values()].every((at) => at <= horizon)
  return isAllHistory ? ABSENT : { vector: incoming.vector, siblings }
}

/**
 * The same for a strong key, of which all is one proposal: to an owner that has forgotten the key, or never had it,
 * proposals up to its horizon are history, and it accepts none of them (node/strong/register-acceptor.ts).
 */
export function withoutOldProposal(
  incoming: StoredObject,
  held: StoredObject,
  horizon: Timestamp,
): StoredObject {
  if (held.vector.size > 0) return incoming
  for (const counter of incoming.vector.values()) if (counter > horizon) return incoming
  return ABSENT
}

/**
 * The object with no more entries in its vector than it needs, once all of it is settled: what the others
 * would cover is history without them. Not before: an owner with a lower horizon may still hold what an entry
 * covers, and would take it for news beside the write that replaced it. Returns the object itself where there
 * is nothing to do.
 */
export function pruneVector(object: StoredObject, horizon: Timestamp): StoredObject {
  if (object.vector.size <= VECTOR_ENTRIES_PLENTY || !isSettled(object, horizon)) return object
  const held = new Set(object.siblings.map(({ actor }) => actor))
  const kept = new Map<Actor, Timestamp>()
  for (const [actor, timestamp] of object.vector) if (held.has(actor)) kept.set(actor, timestamp)
  return kept.size === object.vector.size ? object : { vector: kept, siblings: object.siblings }
}

/**
 * From when on the object is nothing but a memory of deletes, in wall ms: a tombstone from its own time, a
 * value from its expiry, shrunk or not. Undefined where a value stays for ever, or nothing is held. A strong key remembers its last
 * writes, deleted or not, for as long as one of them may be sent again; so does the tombstone of a counter.
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
  for (const timestamp of object.vector.values()) from = Math.max(from, wallMsOf(timestamp))
  for (const { dot } of object.memory?.answered ?? []) {
    from = Math.max(from, wallMsOf(dot.timestamp) + ANSWERED_MS)
  }
  return from
}

/**
 * The horizon from which on an owner may forget the object; undefined where it is more than a memory of
 * deletes. `marginMs`: so much may nodes disagree about whether a value has expired.
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
    ...object.vector.values(),
    ...object.siblings.map(({ timestamp }) => timestamp),
  )
}

/** Whether everything that the object knows of is at or below the horizon. */
export function isSettled(object: StoredObject, horizon: Timestamp): boolean {
  for (const timestamp of object.vector.values()) if (timestamp > horizon) return false
  return object.siblings.every(({ timestamp }) => timestamp <= horizon)
}
