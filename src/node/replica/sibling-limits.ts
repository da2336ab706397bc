/**
 * Limits the number and the total size of a key's siblings. A client that writes without reading adds a sibling with
 * each write, and every owner stores and sends all siblings as one object.
 *
 * The limit in bytes is far below the largest frame between nodes (FRAME_BYTES_MAX). During a network partition each
 * side accepts writes up to the limit. Afterwards the sides are merged into one object, which must still fit into a
 * frame: the merged object of ten sides does.
 */
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Copy } from '../wire/object-record.ts'
import type { Entry } from '../storage/object-table.ts'

/** A write that leaves more siblings than this is logged and counted. */
export const SIBLINGS_WARN = 25
/** A write that would leave more siblings than this is refused. */
export const SIBLINGS_MAX = 100
/** `objectBytesMax` is at least this large, even if values must be small. */
const OBJECT_BYTES_LEAST = 8 * 1024 * 1024
/** Bytes of one key that may be queued for the disk. Each new sibling stores all the others again. */
const KEY_QUEUE_BYTES_MAX = 16 * 1024 * 1024

/** The largest object with several siblings, in bytes. A write that would exceed it is refused. */
export function objectBytesMax(maxValueBytes: number): number {
  return Math.max(OBJECT_BYTES_LEAST, Math.floor(1.5 * maxValueBytes))
}

/** Throws `too_many_siblings`. A write that adds no bytes is never refused, so that a client can resolve siblings. */
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

/** Throws `overloaded` if the writes of one key fill the disk's queue, because writes of other keys wait there too. */
export function refuseLongQueue({ pending, latest }: Entry): void {
  const { length } = latest.record
  if (pending < 2 || pending * length <= KEY_QUEUE_BYTES_MAX) return
  const message = `${pending} writes of this key, ${length} bytes each, are queued for the disk`
  throw new QuorateError('overloaded', message, { retryAfterSeconds: 1 })
}

function valueBytes({ siblings }: StoredObject): number {
  return siblings.reduce((sum, { value }) => sum + value.length, 0)
}
