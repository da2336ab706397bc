/**
 * A *record*: a stored object as bytes. The same bytes are on disk and travel between owners.
 *
 *   u32 LE  xxHash32 of the rest
 *   rest    codec of [format, vector, siblings], and for a strong key [format, vector, siblings, memory]
 *
 *   vector   actor, timestamp, actor, timestamp, …
 *   sibling  [actor, timestamp, flags, contentType, expiresAtMs, value], and then its dependencies, if any:
 *            name, vector, name, vector, …
 *   memory   [counter, node, …], [idempotency key, actor, timestamp, existed, …], and then, if there are any,
 *            [fingerprint, …], one for each idempotency key; version 2 neither writes nor reads fingerprints
 *
 * The encoding is canonical: the vector is sorted by actor, the siblings by dot. So equal objects have equal bytes at
 * every owner. The coordinator computes the checksum once. It is checked whenever the bytes are read or received, so a
 * damaged record is never decoded, stored or served.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import { assert } from '../../core/assert.ts'
import { ABSENT, type StoredObject } from '../../core/causality/stored-object.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import {
  EMPTY_VECTOR,
  type FlatVector,
  VersionVector,
} from '../../core/causality/version-vector.ts'
import type { Dot } from '../../core/causality/dot.ts'
import type { Session } from '../../core/causality/session.ts'
import type { RegisterMemory } from '../../core/consensus/register-memory.ts'
import { xxh32 } from '../../core/hash/xxh32.ts'

const RECORD_FORMAT = 1
const CHECKSUM_BYTES = 4
const TOMBSTONE_FLAG = 1

/** An object together with its encoding. The siblings' values are views into `record`. */
export interface Copy {
  readonly object: StoredObject
  /** Empty for an absent object. */
  readonly record: Uint8Array
}

export const ABSENT_COPY: Copy = { object: ABSENT, record: new Uint8Array(0) }

/** The checksum, the format or a field of a record is wrong. */
export class RecordCorruptError extends Error {
  /** The bytes that were found on disk, for the quarantine. */
  damaged: Uint8Array = new Uint8Array(0)
}

export function encodeRecord(codec: Codec, object: StoredObject): Uint8Array {
  const siblings: Encodable[] = []
  for (const s of object.siblings) {
    const flags = s.tombstone ? TOMBSTONE_FLAG : 0
    const sibling = [s.actor, s.timestamp, flags, s.contentType, s.expiresAtMs, s.value]
    siblings.push(
      s.dependencies === undefined ? sibling : [...sibling, encodeSession(s.dependencies)],
    )
  }
  const parts: Encodable[] = [RECORD_FORMAT, encodeVector(object.vector), siblings]
  if (object.memory !== undefined) parts.push(encodeMemory(object.memory))
  const body = codec.encode(parts)
  const record = new Uint8Array(CHECKSUM_BYTES + body.length)
  record.set(body, CHECKSUM_BYTES)
  const checksum = xxh32(body)
  for (let i = 0; i < CHECKSUM_BYTES; i++) record[i] = checksum >>> (8 * i)
  return record
}

/** Throws `RecordCorruptError`. The values are views into `record`. */
export function decodeRecord(codec: Codec, record: Uint8Array): StoredObject {
  if (record.length < CHECKSUM_BYTES) throw new RecordCorruptError('shorter than its checksum')
  const body = record.subarray(CHECKSUM_BYTES)
  const stored = checksumOf(record)
  const computed = xxh32(body)
  if (stored !== computed) {
    throw new RecordCorruptError(
      `checksum ${stored.toString(16)}, computed ${computed.toString(16)}`,
    )
  }
  // A record with a correct checksum but a wrong format was written by another program. It is refused as well.
  const data = codec.decode(body)
  if (!Array.isArray(data) || data[0] !== RECORD_FORMAT)
    throw new RecordCorruptError('unknown format')
  if (!Array.isArray(data[2])) throw new RecordCorruptError('not a list of siblings')
  const siblings = (data[2] as Encodable[]).map(decodeSibling)
  const object = { vector: decodeVector(data[1]), siblings }
  return data[3] === undefined ? object : { ...object, memory: decodeMemory(data[3]) }
}

/** The checksum that a whole record carries. */
export function checksumOf(record: Uint8Array): number {
  return (
    ((record[0] as number) |
      ((record[1] as number) << 8) |
      ((record[2] as number) << 16) |
      ((record[3] as number) << 24)) >>>
    0
  )
}

/** The object with its record. `ABSENT` has no record: a record of nothing would stay on the disk for ever. */
export function encodeCopy(codec: Codec, object: StoredObject): Copy {
  if (object === ABSENT) return ABSENT_COPY
  const isNothing = object.siblings.length === 0 && object.vector.size === 0
  assert(!isNothing, 'an object without any write is ABSENT')
  return { object, record: encodeRecord(codec, object) }
}

/** Gives actor, timestamp, actor, timestamp, …, sorted by actor. */
export function encodeVector({ flat }: VersionVector): readonly (string | number)[] {
  return flat
}

/** Throws `RecordCorruptError` on anything that `encodeVector` does not produce. */
export function decodeVector(data: unknown): VersionVector {
  if (!Array.isArray(data) || data.length % 2 !== 0) throw new RecordCorruptError('not a vector')
  if (data.length === 0) return EMPTY_VECTOR
  let previous: string | undefined
  for (let i = 0; i < data.length; i += 2) {
    const actor: unknown = data[i]
    const isSorted = typeof actor === 'string' && (previous === undefined || previous < actor)
    if (!isSorted || !isWhole(data[i + 1])) throw new RecordCorruptError('not a vector')
    previous = actor
  }
  return new VersionVector(data as FlatVector)
}

/** Gives name, vector, name, vector, …, sorted by name. */
export function encodeSession(session: Session): Encodable[] {
  const entries = [...session].sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.flatMap(([name, seen]) => [name, encodeVector(seen)])
}

/** Throws `RecordCorruptError` on anything that `encodeSession` does not produce. */
export function decodeSession(data: unknown): Session {
  if (!Array.isArray(data) || data.length % 2 !== 0) throw new RecordCorruptError('not a session')
  const session = new Map<string, VersionVector>()
  for (let i = 0; i < data.length; i += 2) {
    const name: unknown = data[i]
    if (typeof name !== 'string') throw new RecordCorruptError('not a session')
    session.set(name, decodeVector(data[i + 1]))
  }
  return session
}

/** Gives actor, timestamp, …, in the given order. */
export function encodeDots(dots: readonly Dot[]): Encodable[] {
  const list: Encodable[] = []
  for (const { actor, timestamp } of dots) list.push(actor, timestamp)
  return list
}

/** Throws `RecordCorruptError` on anything that `encodeDots` does not produce. */
export function decodeDots(data: unknown): Dot[] {
  if (!Array.isArray(data)) throw new RecordCorruptError('not a list of dots')
  const dots: Dot[] = []
  for (let i = 0; i < data.length; i += 2) {
    const [actor, timestamp] = dotAt(data, i)
    dots.push({ actor, timestamp })
  }
  return dots
}

/**
 * The *version* of an object: a flat list without the values. Two versions are equal if and only if the objects are.
 *
 * Size of the vector, then actor, timestamp, … of the vector, then actor, timestamp, … of the siblings.
 */
export type Version = readonly (string | number)[]

export function encodeVersion(object: StoredObject): Version {
  const version = [object.vector.size, ...object.vector.flat]
  for (const { actor, timestamp } of object.siblings) version.push(actor, timestamp)
  return version
}

/** Throws `RecordCorruptError` on anything that `encodeVersion` does not produce. */
export function decodeVersion(data: readonly unknown[]): Version {
  const [size] = data
  if (!isWhole(size) || data.length < 1 + 2 * size) throw new RecordCorruptError('not a version')
  for (let i = 1; i < data.length; i += 2) dotAt(data, i)
  return data as Version
}

export function equalVersions(a: Version, b: Version): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function encodeMemory({ changes, answered }: RegisterMemory): Encodable[] {
  const fingerprints = answered.map(({ fingerprint }) => fingerprint ?? '')
  const memory: Encodable[] = [
    changes.flatMap(({ counter, node }) => [counter, node]),
    answered.flatMap(({ idempotencyKey, dot, existed }) => [
      idempotencyKey,
      dot.actor,
      dot.timestamp,
      existed,
    ]),
  ]
  return fingerprints.some((one) => one !== '') ? [...memory, fingerprints] : memory
}

function decodeMemory(data: unknown): RegisterMemory {
  const [changes, answered, fingerprints] = (Array.isArray(data) ? data : []) as unknown[]
  if (!Array.isArray(changes) || !Array.isArray(answered)) throw new RecordCorruptError('no memory')
  return {
    changes: groupsOf(changes, 2).map(([counter, node]) => {
      if (!isWhole(counter) || typeof node !== 'string') throw new RecordCorruptError('no ballot')
      return { counter, node }
    }),
    answered: groupsOf(answered, 4).map(([idempotencyKey, actor, timestamp, existed], i) => {
      const isText = typeof idempotencyKey === 'string' && typeof actor === 'string'
      if (!isText || !isWhole(timestamp)) throw new RecordCorruptError('no answered write')
      const fingerprint: unknown = Array.isArray(fingerprints) ? fingerprints[i] : undefined
      return {
        idempotencyKey,
        ...(typeof fingerprint === 'string' && fingerprint !== '' ? { fingerprint } : {}),
        dot: { actor, timestamp },
        existed: existed === true,
      }
    }),
  }
}

function groupsOf(data: readonly unknown[], size: number): (readonly unknown[])[] {
  if (data.length % size !== 0) throw new RecordCorruptError('a list of another length')
  return Array.from({ length: data.length / size }, (_, i) => data.slice(i * size, (i + 1) * size))
}

function decodeSibling(data: Encodable): Sibling {
  const [actor, timestamp, flags, contentType, expiresAtMs, value, past] = data as unknown[]
  if (
    typeof actor !== 'string' ||
    !isWhole(timestamp) ||
    !isWhole(flags) ||
    typeof contentType !== 'string' ||
    !isWhole(expiresAtMs) ||
    !(value instanceof Uint8Array)
  ) {
    throw new RecordCorruptError('not a sibling')
  }
  const tombstone = (flags & TOMBSTONE_FLAG) !== 0
  const sibling = { actor, timestamp, tombstone, contentType, expiresAtMs, value }
  return past === undefined ? sibling : { ...sibling, dependencies: decodeSession(past) }
}

function isWhole(data: unknown): data is number {
  return Number.isSafeInteger(data) && (data as number) >= 0
}

function dotAt(data: readonly unknown[], i: number): [actor: string, timestamp: number] {
  const actor = data[i]
  const timestamp = data[i + 1]
  if (typeof actor !== 'string' || !isWhole(timestamp)) throw new RecordCorruptError('not a dot')
  return [actor, timestamp]
}
