/**
 * The index entries of a record. Each is stored in the same batch as the record:
 *
 * - `i/`: the leaf of the hash tree that contains the key, so that a leaf can be listed without reading the partition.
 * - `k/`: the key in the order of its bucket, so that keys can be listed without reading the values. The entry contains
 *   the head of a large record. It is empty for a small record, which is read instead (record-head.ts).
 * - `g/`: a grave, which tells the collector from which time on the record holds only deletes or expired values.
 *
 * All entries can be derived from the record. If a small value overwrites another, no entry changes.
 */
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import { deadFromMs } from '../../core/repair/horizon.ts'
import { leafOf } from '../../core/repair/hash-tree.ts'
import type { Codec } from '../../ports/codec.ts'
import type { DiskOperation } from '../../ports/disk.ts'
import type { Copy } from '../wire/object-record.ts'
import { encodeHead, HEAD_FROM_BYTES, headOf } from './record-head.ts'
import { type DataName, graveKey, leafKey, listKey, parseDataKey } from './storage-keys.ts'

const NOTHING = new Uint8Array(0)

/** The operations that replace a key's record and its index entries. */
export function recordOperations(
  codec: Codec,
  storageKey: string,
  before: Copy,
  after: Copy,
): DiskOperation[] {
  const isThere = after.record.length > 0
  return [
    isThere
      ? { type: 'put', key: storageKey, value: after.record }
      : { type: 'delete', key: storageKey },
    ...indexOperations(codec, storageKey, before, after),
  ]
}

/** The operations on the index entries alone. */
export function indexOperations(
  codec: Codec,
  storageKey: string,
  before: Copy,
  after: Copy,
): DiskOperation[] {
  const isThere = after.record.length > 0
  const wasThere = before.record.length > 0
  const operations: DiskOperation[] = []
  const deadBefore = deadFromMs(before.object, wallMsOf)
  const deadAfter = deadFromMs(after.object, wallMsOf)
  // The entry under `k/` changes with every large record, because it contains the head.
  const isListedAnew = isThere !== wasThere || hasHead(before) || hasHead(after)
  if (!isListedAnew && deadBefore === deadAfter) return operations
  const at = parseDataKey(storageKey)
  if (at === undefined) return operations
  if (isThere !== wasThere) {
    operations.push(place(isThere, leafKey(at.partition, leafOf(hashText(at.name)), at.name)))
  }
  if (isListedAnew) operations.push(listOperation(codec, at, after))
  if (deadBefore !== deadAfter) {
    if (deadBefore !== undefined) {
      operations.push(place(false, graveKey(deadBefore, at.partition, at.name)))
    }
    if (deadAfter !== undefined) {
      operations.push(place(true, graveKey(deadAfter, at.partition, at.name)))
    }
  }
  return operations
}

/** Deletes a record that cannot be read, and its index entries. The collector removes a `g/` entry later. */
export function removalOperations(storageKey: string): DiskOperation[] {
  const operations: DiskOperation[] = [{ type: 'delete', key: storageKey }]
  const at = parseDataKey(storageKey)
  if (at !== undefined) {
    operations.push(place(false, leafKey(at.partition, leafOf(hashText(at.name)), at.name)))
    operations.push(place(false, listKey(at.name)))
  }
  return operations
}

/** The operation that sets or deletes the key's entry in the key index, for that copy. */
export function listOperation(codec: Codec, { name }: DataName, copy: Copy): DiskOperation {
  if (copy.record.length === 0) return place(false, listKey(name))
  const value = hasHead(copy) ? codec.encode(encodeHead(headOf(copy.object))) : NOTHING
  return { type: 'put', key: listKey(name), value }
}

/** A large record that could not be decoded has no head. A list then reads the record, and finds the damage. */
function hasHead({ object, record }: Copy): boolean {
  return record.length > HEAD_FROM_BYTES && object.vector.size + object.siblings.length > 0
}

function place(isThere: boolean, key: string): DiskOperation {
  return isThere ? { type: 'put', key, value: NOTHING } : { type: 'delete', key }
}
