/**
 * The opaque Quorate-Session: the versions that a session has seen, sealed with a key that the cluster has agreed on.
 * The seal shows that this cluster made the token, and that nobody changed it. A session has the names of keys, also of
 * those that only an earlier writer had read. So a node that asks for tokens hides everything after the seal: otherwise
 * a client could read the names of keys to which it has no right.
 *
 *   version (1) · seal (16) · actors: count, then length and text of each
 *                           · keys: count, then length and name of each, its entries: count, then actor and timestamp of each
 *
 * An entry names its actor by the actor's place in the list of actors. Counts, lengths, places and timestamps are
 * varints. The seal is the first half of an HMAC-SHA256 of everything after it.
 *
 * In version 2, everything after the seal is encrypted with AES-256-CTR, and the seal of the plain bytes is the initial
 * counter (the construction of SIV, RFC 5297). So equal counters mean equal texts, and no random number can repeat.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { SESSION_BYTES_MAX, type Session, sessionBytes } from '../../core/causality/session.ts'
import { type VersionVector, vectorOf } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { readVarint, writeVarint } from './varint.ts'

const PLAIN = 1
const HIDDEN = 2
const SEAL_BYTES = 16
const HEAD_BYTES = 1 + SEAL_BYTES
const TOKEN = /^[A-Za-z0-9_-]+$/
/** Above SESSION_BYTES_MAX, because a single long key may exceed that bound, and base64 takes a third more. */
const TOKEN_CHARACTERS_MAX = 8192

/** `isHidden`: whether only nodes of the cluster may be able to read it. */
export function encodeSessionToken(session: Session, sealKey: string, isHidden = false): string {
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
  const body = bytes.subarray(HEAD_BYTES, at)
  const seal = sealOf(body, isHidden ? sealKeyOfHidden(sealKey) : sealKey)
  if (isHidden) createCipheriv(CIPHER, cipherKey(sealKey), seal).update(body).copy(body)
  bytes[0] = isHidden ? HIDDEN : PLAIN
  seal.copy(bytes, 1)
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
  const version = bytes[0]
  if (version !== PLAIN && version !== HIDDEN) {
    throw badSession(`its version ${version} is not known to this node`)
  }
  const given = bytes.subarray(1, HEAD_BYTES)
  const body = bytes.subarray(HEAD_BYTES)
  const isHidden = version === HIDDEN
  if (isHidden) createDecipheriv(CIPHER, cipherKey(sealKey), given).update(body).copy(body)
  const seal = sealOf(body, isHidden ? sealKeyOfHidden(sealKey) : sealKey)
  if (!timingSafeEqual(seal, given)) {
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

const CIPHER = 'aes-256-ctr'

/** Separate keys: no seal of the one version is one of the other, and no seal shows a key of the cipher. */
function cipherKey(sealKey: string): Buffer {
  return createHmac('sha256', sealKey).update('cipher of hidden sessions').digest()
}

function sealKeyOfHidden(sealKey: string): string {
  return createHmac('sha256', sealKey).update('seal of hidden sessions').digest('hex')
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
