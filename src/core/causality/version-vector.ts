/**
 * Actor → highest timestamp seen of one key. An entry stands for everything that actor wrote to the key up
 * to that timestamp, which is sound because replicas are only ever sent whole objects.
 */
import type { Actor, Dot, Timestamp } from './dot.ts'

export type VersionVector = ReadonlyMap<Actor, Timestamp>

export const EMPTY_VECTOR: VersionVector = new Map()

export function covers(vector: VersionVector, dot: Dot): boolean {
  const seen = vector.get(dot.actor)
  return seen !== undefined && seen >= dot.timestamp
}

/** The least vector that covers all that `a` or `b` covers. Returns `a` itself where it already does. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  let joined: Map<Actor, Timestamp> | undefined
  for (const [actor, timestamp] of b) {
    if ((a.get(actor) ?? 0) >= timestamp) continue
    joined ??= new Map(a)
    joined.set(actor, timestamp)
  }
  return joined ?? a
}

export function joinDot(vector: VersionVector, dot: Dot): VersionVector {
  if (covers(vector, dot)) return vector
  return new Map(vector).set(dot.actor, dot.timestamp)
}

/** Whether `a` covers all that `b` covers. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  for (const [actor, timestamp] of b) if ((a.get(actor) ?? 0) < timestamp) return false
  return true
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  if (a.size !== b.size) return false
  for (const [actor, timestamp] of b) if (a.get(actor) !== timestamp) return false
  return true
}

/** Entries in a canonical order (by actor), so that equal vectors are encoded alike on every node. */
export function sortedEntries(vector: VersionVector): [Actor, Timestamp][] {
  const entries = [...vector]
  return entries.length < 2 ? entries : entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
