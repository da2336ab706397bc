/**
 * The head of a record: everything that a list of keys tells of it, without the values themselves.
 *
 * A record that is small is read whole instead, so only a large one has its head stored beside it. An overwrite of a
 * small value then costs no second write.
 */
import type { Sibling, StoredObject } from '../core/causality/stored-object.ts'
import type { Encodable } from '../ports/codec.ts'
import { decodeVector, encodeVector } from './object-record.ts'

/** Records longer than this have their head stored in the key index. */
export const HEAD_FROM_BYTES = 4096

export interface RecordHead {
  /** Its siblings have empty values; the true lengths are in `sizes`, by position. */
  readonly object: StoredObject
  readonly sizes: readonly number[]
}

export function headOf({ vector, siblings }: StoredObject): RecordHead {
  return {
    object: { vector, siblings: siblings.map(withoutValue) },
    sizes: siblings.map(({ value }) => value.length),
  }
}

/** [vector, actor, timestamp, whether it is a tombstone, expiry, size, actor, …]. */
export function encodeHead({
  object,
  sizes,
}: RecordHead): [vector: Encodable, siblings: Encodable] {
  const siblings = object.siblings.flatMap((s, i) => [
    s.actor,
    s.timestamp,
    s.tombstone,
    s.expiresAtMs,
    sizes[i] as number,
  ])
  return [encodeVector(object.vector), siblings]
}

/** Throws on anything but what `encodeHead` gives. */
export function decodeHead(vector: unknown, fields: unknown): RecordHead {
  if (!Array.isArray(fields) || fields.length % SIBLING_FIELDS !== 0) {
    throw new Error('not the head of a record')
  }
  const siblings: Sibling[] = []
  const sizes: number[] = []
  for (let i = 0; i < fields.length; i += SIBLING_FIELDS) {
    const [actor, timestamp, tombstone, expiresAtMs, size] = fields.slice(
      i,
      i + SIBLING_FIELDS,
    ) as [string, number, boolean, number, number]
    siblings.push({ actor, timestamp, tombstone, expiresAtMs, value: NO_VALUE, contentType: '' })
    sizes.push(size)
  }
  return { object: { vector: decodeVector(vector as Encodable), siblings }, sizes }
}

const SIBLING_FIELDS = 5
const NO_VALUE = new Uint8Array(0)

function withoutValue({ actor, timestamp, tombstone, expiresAtMs }: Sibling): Sibling {
  return { actor, timestamp, tombstone, expiresAtMs, value: NO_VALUE, contentType: '' }
}
