/**
 * The past of a client's session: for each key that it has touched, the writes that every later causal read of the
 * key has to have seen. A value that is written in a session keeps the session's past as its dependencies, and whoever
 * reads it takes them over: so cause comes before effect across keys, buckets and nodes (the explicit
 * dependencies of COPS, Lloyd et al. 2011, with a vector a key in the place of one version).
 *
 * What all owners are known to hold is left out: it says nothing. That is what keeps a past small. Where some of
 * them are out of reach for long, keys are left out once a majority of their owners holds what was seen; in their
 * place stands one timestamp, the *quorum floor*: as long as it is not settled, reads in the session ask a majority.
 *
 * A past is a value: functions give a new one, or an argument.
 */
import type { Timestamp } from './dot.ts'
import { compareDots } from './dot.ts'
import { newestSibling, type MergeMode, type StoredObject } from './stored-object.ts'
import { EMPTY_VECTOR, joinVectors, type VersionVector } from './version-vector.ts'

/** `bucket/key` → what has been seen of the key: never empty. */
export type Session = ReadonlyMap<string, VersionVector>

export const EMPTY_SESSION: Session = new Map()

/** Of a past as a token, before it is sealed and written in base64: 4 KiB then. */
export const SESSION_BYTES_MAX = 3000

/** Where the quorum floor stands in a past: the name of no key, and of no actor. */
const FLOOR_NAME = ''

/** 0 where nothing is left out but what all owners hold. */
export function quorumFloorOf(session: Session): Timestamp {
  return session.get(FLOOR_NAME)?.get(FLOOR_NAME) ?? 0
}

/** `session`, of which keys were left out of whose owners a majority holds `seen`. */
export function withQuorumFloor(session: Session, seen: VersionVector): Session {
  return withSeen(session, FLOOR_NAME, new Map([[FLOOR_NAME, Math.max(...seen.values())]]))
}

export function withoutKeys(session: Session, names: readonly string[]): Session {
  const kept = new Map(session)
  for (const name of names) kept.delete(name)
  return kept
}

/** Bucket names have no slash, so no two keys have one name. */
export function sessionName(bucket: string, key: string): string {
  return `${bucket}/${key}`
}

export function splitSessionName(name: string): { bucket: string; key: string } {
  const slash = name.indexOf('/')
  return { bucket: name.slice(0, slash), key: name.slice(slash + 1) }
}

/** `session` and, of the key, all that `seen` covers. */
export function withSeen(session: Session, name: string, seen: VersionVector): Session {
  if (seen.size === 0) return session
  const known = session.get(name) ?? EMPTY_VECTOR
  const joined = joinVectors(known, seen)
  return joined === known ? session : new Map(session).set(name, joined)
}

export function joinSessions(a: Session, b: Session): Session {
  let joined = a
  for (const [name, seen] of b) joined = withSeen(joined, name, seen)
  return joined
}

/** `session` without what every owner holds: all that is not above the horizon. */
export function withoutSettled(session: Session, horizon: Timestamp): Session {
  let kept: Map<string, VersionVector> | undefined
  for (const [name, seen] of session) {
    const open = unsettledOf(seen, horizon)
    if (open === seen) continue
    kept ??= new Map(session)
    if (open.size === 0) kept.delete(name)
    else kept.set(name, open)
  }
  return kept ?? session
}

/** What of `seen` is above the horizon. */
export function unsettledOf(seen: VersionVector, horizon: Timestamp): VersionVector {
  let isOpen = true
  for (const timestamp of seen.values()) if (timestamp <= horizon) isOpen = false
  if (isOpen) return seen
  const open = new Map<string, Timestamp>()
  for (const [actor, timestamp] of seen) if (timestamp > horizon) open.set(actor, timestamp)
  return open
}

/** What has been seen by somebody who was given the object. */
export function seenOf(mode: MergeMode, object: StoredObject): VersionVector {
  if (mode === 'siblings') return object.vector
  const newest = newestSibling(object)
  return newest === undefined ? EMPTY_VECTOR : new Map([[newest.actor, newest.timestamp]])
}

/**
 * What of `seen` a copy lacks: it neither holds it, nor what came after it, nor is it so old that its owner, up
 * to whose horizon everything is settled, may have forgotten it.
 */
export function missingFrom(
  mode: MergeMode,
  object: StoredObject,
  horizon: Timestamp,
  seen: VersionVector,
): VersionVector {
  const newest = newestSibling(object)
  const missing = new Map<string, Timestamp>()
  for (const [actor, timestamp] of seen) {
    if (timestamp <= horizon) continue
    const isThere =
      mode !== 'siblings'
        ? newest !== undefined && compareDots(newest, { actor, timestamp }) >= 0
        : (object.vector.get(actor) ?? 0) >= timestamp
    if (!isThere) missing.set(actor, timestamp)
  }
  return missing
}

/** All that the siblings of an object depend on, those of its deletes included. */
export function dependenciesOf(object: StoredObject): Session {
  let all = EMPTY_SESSION
  for (const { dependencies } of object.siblings) {
    if (dependencies !== undefined) all = joinSessions(all, dependencies)
  }
  return all
}

/**
 * The keys that were touched longest ago, by the latest of what was seen of each: so many that the others take at most
 * `bytesMax`.
 */
export function oldestAbove(session: Session, bytesMax: number): string[] {
  const names = [...session.keys()].filter((name) => name !== FLOOR_NAME)
  const latest = new Map(
    names.map((name) => [name, Math.max(...(session.get(name)?.values() ?? []))]),
  )
  names.sort((a, b) => (latest.get(b) ?? 0) - (latest.get(a) ?? 0))
  const size = new TokenSize()
  const floor = session.get(FLOOR_NAME)
  if (floor !== undefined) size.add(FLOOR_NAME, floor)
  const kept = names.findIndex(
    (name) => size.add(name, session.get(name) ?? EMPTY_VECTOR) > bytesMax,
  )
  return kept === -1 ? [] : names.slice(kept)
}

/** An upper bound of the bytes that a token of the session takes, before it is sealed. */
export function sessionBytes(session: Session): number {
  const size = new TokenSize()
  let bytes = size.bytes
  for (const [name, seen] of session) bytes = size.add(name, seen)
  return bytes
}

/** Each actor is told once. */
class TokenSize {
  bytes = COUNT_BYTES
  readonly #actors = new Set<string>()

  /** Gives the bytes so far. */
  add(name: string, seen: VersionVector): number {
    this.bytes += utf8Length(name) + 2 * COUNT_BYTES + seen.size * (COUNT_BYTES + TIMESTAMP_BYTES)
    for (const actor of seen.keys()) {
      if (this.#actors.has(actor)) continue
      this.#actors.add(actor)
      this.bytes += actor.length + COUNT_BYTES
    }
    return this.bytes
  }
}

const COUNT_BYTES = 2
const TIMESTAMP_BYTES = 8

const utf8 = new TextEncoder()

function utf8Length(text: string): number {
  return utf8.encode(text).length
}
