/**
 * The opaque Quorate-Session: the versions that a session has seen, sealed with a key that the cluster has agreed on.
 * The seal shows that this cluster made the token, and that nobody changed it.
 *
 *   version (1) · seal (16) · actors: count, then length and text of each
 *                           · keys: count, then length and name of each, its entries: count, then actor and timestamp of each
 *
 * An entry names its actor by the actor's place in the list of actors. Counts, lengths, places and timestamps are
 * varints. The seal is the first half of an HMAC-SHA256 of everything after it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { SESSION_BYTES_MAX, type Session, sessionBytes } from '../../core/causality/session.ts'
import { type VersionVector, vectorOf } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { readVarint, writeVarint } from './varint.ts'

const VERSION = 1
const SEAL_BYTES = 16
const HEAD_BYTES = 1 + SEAL_BYTES
const TOKEN = /^[A-Za-z0-9_-]+$/
/** Above SESSION_BYTES_MAX, because a single long key may exceed that bound, and base64 takes a third more. */
const TOKEN_CHARACTERS_MAX = 8192

export function encodeSessionToken(session: Session, sealKey: string): string {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + sessionBytes(session))
  const actors = new Map<string, number>()
  for (const seen of session.values()) {
    for (const actor of seen.actors()) if (!actors.has(actor)) actors.set(actor, actors.size)
  }
  let at = writeVarint(bytes, HEAD_BYTES, actors.size)
  for (const actor of actors.keys()) at = writeText(bytes, at, actor)
  at = writeVarint(bytes, at, session.size)
  for (const [name, seen] of session) {
    at = writeText(bytes, at, name)
    at = writeVarint(bytes, at, seen.size)
    for (const [actor, timestamp] of seen) {
      at = writeVarint(bytes, at, actors.get(actor) as number)
      at = writeVarint(bytes, at, timestamp)
    }
  }
  assert(at <= bytes.length, 'an encoded session takes no more than sessionBytes said')
  bytes[0] = VERSION
  sealOf(bytes.subarray(HEAD_BYTES, at), sealKey).copy(bytes, 1)
  return bytes.toString('base64url', 0, at)
}

/**
 * Throws bad_session if the token is damaged, or belongs to another cluster or version. Throws clock_drift if it holds
 * a timestamp above `timestampMax`: the cluster gave that timestamp, so a clock of the cluster is wrong, not the
 * client.
 */
export function decodeSessionToken(
  token: string,
  sealKey: string,
  timestampMax: Timestamp,
): Session {
  if (token.length > TOKEN_CHARACTERS_MAX) throw badSession('it is too long')
  if (!TOKEN.test(token)) throw badSession('it is not base64url')
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length < HEAD_BYTES) throw badSession('it is too short')
  if (bytes[0] !== VERSION) throw badSession(`its version ${bytes[0]} is not known to this node`)
  const seal = sealOf(bytes.subarray(HEAD_BYTES), sealKey)
  if (!timingSafeEqual(seal, bytes.subarray(1, HEAD_BYTES))) {
    throw badSession('it is damaged, or was not given by this cluster')
  }
  return readSession(bytes, timestampMax)
}

function readSession(bytes: Buffer, timestampMax: Timestamp): Session {
  let at = HEAD_BYTES
  const number = (): number => {
    const read = readVarint(bytes, at)
    if (read === undefined) throw badSession('it ends too early')
    at = read.end
    return read.value
  }
  const text = (): string => {
    const length = number()
    if (at + length > bytes.length) throw badSession('it ends too early')
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  const actors = Array.from({ length: countOf(number()) }, text)
  const session = new Map<string, VersionVector>()
  for (let keys = countOf(number()); keys > 0; keys--) {
    const name = text()
    const seen: [string, Timestamp][] = []
    for (let entries = countOf(number()); entries > 0; entries--) {
      const actor = actors[number()]
      const timestamp = number()
      if (actor === undefined) throw badSession('it names an actor that it does not list')
      if (timestamp > timestampMax) throw aheadOfClock()
      seen.push([actor, timestamp])
    }
    session.set(name, vectorOf(seen))
  }
  return session
}

function countOf(count: number): number {
  if (count > SESSION_BYTES_MAX) throw badSession('it counts more than it has')
  return count
}

function writeText(bytes: Buffer, at: number, value: string): number {
  const start = writeVarint(bytes, at, Buffer.byteLength(value))
  return start + bytes.write(value, start, 'utf8')
}

function sealOf(body: Buffer, sealKey: string): Buffer {
  return createHmac('sha256', sealKey).update(body).digest().subarray(0, SEAL_BYTES)
}

function aheadOfClock(): QuorateError {
  return new QuorateError(
    'clock_drift',
    "The session has seen a write that is in the future by this node's clock: this clock, or the clock of the node " +
      'that made the write, is too far off. Send the request to another node, or again later.',
    { retryAfterSeconds: 1 },
  )
}

function badSession(why: string): QuorateError {
  return new QuorateError(
    'bad_session',
    `The Quorate-Session header cannot be used: ${why}. Send the one that came with the session's last answer, or none to begin a new session.`,
  )
}
