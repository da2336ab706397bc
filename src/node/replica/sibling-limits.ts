/**
 * How many siblings a key may have, and how large they may be together. A client that writes without reading makes one
 * more sibling with each write, and every owner stores and sends them as one object.
 *
 * The bound on bytes is far below what a frame carries (FRAME_BYTES_MAX). In a cut each side accepts writes up to the
 * bound, and afterwards the sides are merged into one object, which must still be sent: ten sides fit.
 */
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Copy } from '../wire/object-record.ts'
import type { Entry } from '../storage/object-table.ts'

/** From here on each write is logged and counted. */
export const SIBLINGS_WARN = 25
/** Writes that would make more are refused. */
export const SIBLINGS_MAX = 100
const OBJECT_BYTES_LEAST = 8 * 1024 * 1024
/** Bytes of one key on their way to the disk: each new sibling stores all the others again. */
const KEY_QUEUE_BYTES_MAX = 16 * 1024 * 1024

/** Writes that would make an object of several siblings larger than this are refused. */
export function objectBytesMax(maxValueBytes: number): number {
  return Math.max(OBJECT_BYTES_LEAST, Math.floor(1.5 * maxValueBytes))
}

/** Throws `too_many_siblings`. A write after which the key has no more bytes than before is the way out: never refused. */
export function refuseTooManyBytes(
  held: StoredObject,
  { object, record }: Copy,
  bytesMax: number,
): void {
  if (record.length <= bytesMax || object.siblings.length === 1) return
  if (valueBytes(object) <= valueBytes(held)) return
  throw new QuorateError(
    'too_many_siblings',
    `the siblings of the key would take ${record.length} bytes together, at most ${bytesMax} are kept: read it, and write once with its context`,
  )
}

/** Throws `overloaded` where the key's own writes fill the queue of the disk: those of other keys wait in it, too. */
export function refuseLongQueue({ pending, latest }: Entry): void {
  const { length } = latest.record
  if (pending < 2 || pending * length <= KEY_QUEUE_BYTES_MAX) return
  const message = `${pending} writes of this key, ${length} bytes each, are queued for the disk`
  throw new QuorateError('overloaded', message, { retryAfterSeconds: 1 })
}

function valueBytes({ siblings }: StoredObject): number {
  return siblings.reduce((sum, { value }) => sum + value.length, 0)
}
