/**
 * The head of a record: everything that a list of keys shows of it, but not its values.
 *
 * Only a large record has its head stored in the key index. A list reads a small record whole instead, so that an
 * overwrite of a small value needs no second write.
 */
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { briefName } from '../../core/causality/update-name.ts'
import type { Encodable } from '../../ports/codec.ts'
import { decodeVector, encodeVector } from '../wire/object-record.ts'

/** Records longer than this have their head stored in the key index. */
export const HEAD_FROM_BYTES = 4096

export interface RecordHead {
  /**
   * The object with empty values; `sizes` holds their true lengths, by position. Only the names of a counter's updates
   * are kept (core/causality/update-name.ts), because they decide which siblings are live.
   */
  readonly object: StoredObject
  readonly sizes: readonly number[]
}

export function headOf({ vector, siblings }: StoredObject): RecordHead {
  return {
    object: { vector, siblings: siblings.map(withoutValue) },
    sizes: siblings.map(({ value }) => value.length),
  }
}

/**
 * Gives the vector, and then for each sibling its actor, timestamp, tombstone flag, expiry and size. If siblings have
 * names, their positions, content types and values follow. Readers of version 2 skip these.
 */
export function encodeHead({ object, sizes }: RecordHead): Encodable[] {
  const siblings = object.siblings.flatMap((s, i) => [
    s.actor,
    s.timestamp,
    s.tombstone,
    s.expiresAtMs,
    sizes[i] as number,
  ])
  const names = object.siblings.flatMap(({ contentType, value }, i) =>
    contentType.length + value.length > 0 ? [i, contentType, value] : [],
  )
  const head = [encodeVector(object.vector), siblings]
  return names.length === 0 ? head : [...head, names]
}

/** Throws on anything that `encodeHead` does not produce. */
export function decodeHead(vector: unknown, fields: unknown, names: unknown = []): RecordHead {
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
  addNames(siblings, names)
  return { object: { vector: decodeVector(vector as Encodable), siblings }, sizes }
}

function addNames(siblings: Sibling[], names: unknown): void {
  if (!Array.isArray(names)) throw new Error('not the names of a head')
  for (let i = 0; i < names.length; i += NAME_FIELDS) {
    const [at, contentType, value] = names.slice(i, i + NAME_FIELDS) as unknown[]
    const sibling = siblings[at as number]
    if (
      sibling === undefined ||
      typeof contentType !== 'string' ||
      !(value instanceof Uint8Array)
    ) {
      throw new Error('not the name of a sibling')
    }
    siblings[at as number] = { ...sibling, contentType, value }
  }
}

const SIBLING_FIELDS = 5
const NAME_FIELDS = 3
const NO_VALUE = new Uint8Array(0)

function withoutValue(sibling: Sibling): Sibling {
  const { actor, timestamp, tombstone, expiresAtMs } = sibling
  const name = briefName(sibling) ?? { value: NO_VALUE, contentType: '' }
  return { actor, timestamp, tombstone, expiresAtMs, ...name }
}
