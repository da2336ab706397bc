/**
 * The past of a client's session: for each key that it has touched, the writes that every later causal read of the key
 * must cover. A value written in a session keeps the session's past as its dependencies, and every session that reads
 * the value takes them over. So a cause is visible before its effect, across keys, buckets and nodes (the explicit
 * dependencies of COPS, Lloyd et al. 2011, with a vector for each key instead of one version).
 *
 * Entries that all owners are known to hold are left out, which keeps a past small. If some owners are out of reach for
 * long, a key is left out once a majority of its owners holds its entry. One timestamp then stands for all such keys,
 * the *quorum floor*: until it is settled, reads in the session ask a majority.
 *
 * A past is immutable: functions return a new one, or an argument.
 */
import type { Timestamp } from './dot.ts'
import { compareDots } from './dot.ts'
import { newestSibling, type MergeMode, type StoredObject } from './stored-object.ts'
import { covers, EMPTY_VECTOR, joinVectors, VersionVector } from './version-vector.ts'

/** `bucket/key` → the versions of the key that the session has seen; never empty. */
export type Session = ReadonlyMap<string, VersionVector>

export const EMPTY_SESSION: Session = new Map()

/** Bound of a past as a token, before it is sealed and encoded in base64. The result then has at most 4 KiB. */
export const SESSION_BYTES_MAX = 3000

/** The name of the quorum floor's entry. No key and no actor has it. */
const FLOOR_NAME = ''

/** The quorum floor; 0 if only settled entries were left out. */
export function quorumFloorOf(session: Session): Timestamp {
  return session.get(FLOOR_NAME)?.get(FLOOR_NAME) ?? 0
}

/** Raises the quorum floor of `session` for a key that was left out because a majority of its owners holds `seen`. */
export function withQuorumFloor(session: Session, seen: VersionVector): Session {
  return withSeen(session, FLOOR_NAME, new VersionVector([FLOOR_NAME, seen.newest]))
}

export function withoutKeys(session: Session, names: readonly string[]): Session {
  const kept = new Map(session)
  for (const name of names) kept.delete(name)
  return kept
}

/** Bucket names contain no slash, so different keys have different names. */
export function sessionName(bucket: string, key: string): string {
  return `${bucket}/${key}`
}

export function splitSessionName(name: string): { bucket: string; key: string } {
  const slash = name.indexOf('/')
  return { bucket: name.slice(0, slash), key: name.slice(slash + 1) }
}

/** `session` with everything that `seen` covers added to the key's entry. */
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

/** `session` without entries at or below the horizon, which every owner holds. */
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

/** The entries of `seen` above the horizon. */
export function unsettledOf(seen: VersionVector, horizon: Timestamp): VersionVector {
  return seen.filter((_, timestamp) => timestamp > horizon)
}

/** The versions that a client has seen after it was given the object. */
export function seenOf(mode: MergeMode, object: StoredObject): VersionVector {
  if (mode === 'siblings') return object.vector
  const newest = newestSibling(object)
  return newest === undefined ? EMPTY_VECTOR : new VersionVector([newest.actor, newest.timestamp])
}

/**
 * The entries of `seen` that a copy lacks. A copy has an entry if it holds that write or a later one, or if the write
 * is at or below the owner's horizon: then the owner may have forgotten it.
 */
export function missingFrom(
  mode: MergeMode,
  object: StoredObject,
  horizon: Timestamp,
  seen: VersionVector,
): VersionVector {
  const newest = newestSibling(object)
  return seen.filter((actor, timestamp) => {
    if (timestamp <= horizon) return false
    return mode === 'siblings'
      ? !covers(object.vector, { actor, timestamp })
      : newest === undefined || compareDots(newest, { actor, timestamp }) < 0
  })
}

/** The joined dependencies of all siblings of an object, tombstones included. */
export function dependenciesOf(object: StoredObject): Session {
  let all = EMPTY_SESSION
  for (const { dependencies } of object.siblings) {
    if (dependencies !== undefined) all = joinSessions(all, dependencies)
  }
  return all
}

/**
 * The keys that were touched longest ago, by the latest timestamp seen of each: as many as must go so that the others
 * take at most `bytesMax`.
 */
export function oldestAbove(session: Session, bytesMax: number): string[] {
  const names = [...session.keys()].filter((name) => name !== FLOOR_NAME)
  const latest = new Map(names.map((name) => [name, session.get(name)?.newest ?? 0]))
  names.sort((a, b) => (latest.get(b) ?? 0) - (latest.get(a) ?? 0))
  const size = new TokenSize()
  const floor = session.get(FLOOR_NAME)
  if (floor !== undefined) size.add(FLOOR_NAME, floor)
  const kept = names.findIndex(
    (name) => size.add(name, session.get(name) ?? EMPTY_VECTOR) > bytesMax,
  )
  return kept === -1 ? [] : names.slice(kept)
}

/** An upper bound of the size of the session's token in bytes, before it is sealed. */
export function sessionBytes(session: Session): number {
  const size = new TokenSize()
  let bytes = size.bytes
  for (const [name, seen] of session) bytes = size.add(name, seen)
  return bytes
}

/** Counts the bytes of a token, which contains each actor only once. */
class TokenSize {
  bytes = COUNT_BYTES
  readonly #actors = new Set<string>()

  /** Returns the bytes so far. */
  add(name: string, seen: VersionVector): number {
    this.bytes += utf8Length(name) + 2 * COUNT_BYTES + seen.size * (COUNT_BYTES + TIMESTAMP_BYTES)
    for (const actor of seen.actors()) {
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
