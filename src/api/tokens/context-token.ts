/**
 * The opaque Quorate-Context: a version vector in base64url, bound to its bucket and key.
 *
 *   version (1) · digest (8) · entries: shared prefix length (1), rest length (1), rest, timestamp (varint)
 *
 * Actors are sorted, and each entry holds only the part that differs from the actor before it, because the
 * incarnations of one node share most of their text. The digest covers bucket, key and entries. It is a checksum
 * against damaged tokens and mixed-up keys. It need not resist forgery: a client that may write a key may replace its
 * value anyway.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { VersionVector } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import { xxh32 } from '../../core/hash/xxh32.ts'
import { readVarint, VARINT_BYTES_MAX, writeVarint } from './varint.ts'

/** What a client sends that has seen nothing of the key: its write replaces nothing. No encoded context is this short. */
export const NOTHING_SEEN = 'none'
const VERSION = 1
const DIGEST_BYTES = 8
const HEAD_BYTES = 1 + DIGEST_BYTES
const ACTOR_BYTES_MAX = 255
const TOKEN = /^[A-Za-z0-9_-]+$/
const ACTOR = /^[\x21-\x7e]+$/

export interface ContextKey {
  readonly bucket: string
  readonly key: string
}

export function encodeContext(vector: VersionVector, of: ContextKey): string {
  let size = HEAD_BYTES
  for (const actor of vector.actors()) size += 2 + actor.length + VARINT_BYTES_MAX
  const bytes = Buffer.allocUnsafe(size)
  let at = HEAD_BYTES
  let previous = ''
  for (const [actor, timestamp] of vector) {
    assert(ACTOR.test(actor) && actor.length <= ACTOR_BYTES_MAX, `actor ${actor} is short ASCII`)
    const shared = sharedPrefixLength(previous, actor)
    bytes[at++] = shared
    bytes[at++] = actor.length - shared
    at += bytes.write(actor.slice(shared), at, 'latin1')
    at = writeVarint(bytes, at, timestamp)
    previous = actor
  }
  bytes[0] = VERSION
  writeDigest(bytes, at, of)
  return bytes.toString('base64url', 0, at)
}

/**
 * Throws bad_context if the token is damaged, belongs to another key or version, or holds a timestamp above
 * `timestampMax`, which no clock of the cluster can have given.
 */
export function decodeContext(
  token: string,
  of: ContextKey,
  timestampMax: Timestamp,
): VersionVector {
  if (!TOKEN.test(token)) throw badContext('it is not base64url')
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length < HEAD_BYTES) throw badContext('it is too short')
  if (bytes[0] !== VERSION) throw badContext(`its version ${bytes[0]} is not known to this node`)
  if (!hasDigest(bytes, of)) throw badContext('it is damaged, or was given for another key')
  return readEntries(bytes.subarray(HEAD_BYTES), timestampMax)
}

function readEntries(body: Buffer, timestampMax: Timestamp): VersionVector {
  const entries: (string | Timestamp)[] = []
  let at = 0
  let previous = ''
  while (at < body.length) {
    const shared = body[at] as number
    const restEnd = at + 2 + (body[at + 1] ?? 0)
    if (shared > previous.length || restEnd >= body.length) throw badContext('it ends too early')
    const actor = previous.slice(0, shared) + body.toString('latin1', at + 2, restEnd)
    if (!ACTOR.test(actor) || actor <= previous) throw badContext('its entries are not in order')
    const read = readVarint(body, restEnd)
    if (read === undefined) throw badContext('it ends too early, or has a number that is too large')
    const { value, end } = read
    if (value > timestampMax) throw badContext('it names a time that has not come yet')
    entries.push(actor, value)
    previous = actor
    at = end
  }
  return new VersionVector(entries)
}

function badContext(why: string): QuorateError {
  return new QuorateError(
    'bad_context',
    `The Quorate-Context header cannot be used: ${why}. Send the one that came with the last answer for this key, or none.`,
  )
}

function writeDigest(bytes: Buffer, end: number, { bucket, key }: ContextKey): void {
  const entries = bytes.subarray(HEAD_BYTES, end)
  // Bucket names have no slash, so no two pairs of bucket and key give the same text.
  const name = `${bucket}/${key}`
  bytes.writeUInt32BE(xxh32(entries, hashText(name, 0)), 1)
  bytes.writeUInt32BE(xxh32(entries, hashText(name, 1)), 5)
}

function hasDigest(bytes: Buffer, of: ContextKey): boolean {
  const expected = Buffer.from(bytes)
  writeDigest(expected, expected.length, of)
  return expected.equals(bytes)
}

function sharedPrefixLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  let length = 0
  while (length < end && a.charCodeAt(length) === b.charCodeAt(length)) length++
  return length
}
