/**
 * A version vector: for one key, actor → highest timestamp seen. An entry covers everything that the actor wrote to the
 * key up to that timestamp. This is sound because replicas only exchange whole objects.
 */
import type { Actor, Dot, Timestamp } from './dot.ts'

export type VersionVector = ReadonlyMap<Actor, Timestamp>

export const EMPTY_VECTOR: VersionVector = new Map()

export function covers(vector: VersionVector, dot: Dot): boolean {
  const seen = vector.get(dot.actor)
  return seen !== undefined && seen >= dot.timestamp
}

/** The smallest vector that covers everything that `a` or `b` covers. Returns `a` itself if it does so already. */
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

/** Whether `a` covers everything that `b` covers. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  for (const [actor, timestamp] of b) if ((a.get(actor) ?? 0) < timestamp) return false
  return true
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  if (a.size !== b.size) return false
  for (const [actor, timestamp] of b) if (a.get(actor) !== timestamp) return false
  return true
}

/** The entries sorted by actor, so that equal vectors have equal encodings on every node. */
export function sortedEntries(vector: VersionVector): [Actor, Timestamp][] {
  const entries = [...vector]
  return entries.length < 2 ? entries : entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
