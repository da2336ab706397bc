/**
 * What is stored beside a record, in the same batch: in which leaf of the hash tree its key lies, so that a
 * leaf can be listed without reading the partition; and, for a record that is only a memory of deletes, from
 * when on, so that the collector finds it. Both follow from the record, and change only when it comes, goes,
 * dies or lives again: an overwrite costs nothing more.
 */
import { wallMsOf } from '../core/causality/hybrid-clock.ts'
import { hashText } from '../core/hash/text-hash.ts'
import { deadFromMs } from '../core/repair/horizon.ts'
import { leafOf } from '../core/repair/hash-tree.ts'
import type { DiskOperation } from '../ports/disk.ts'
import type { Copy } from './object-record.ts'
import { graveKey, leafKey, parseDataKey } from './storage-keys.ts'

const NOTHING = new Uint8Array(0)

/** Takes a key's record from one copy to another. */
export function recordOperations(storageKey: string, before: Copy, after: Copy): DiskOperation[] {
  const isThere = after.record.length > 0
  return [
    isThere
      ? { type: 'put', key: storageKey, value: after.record }
      : { type: 'delete', key: storageKey },
    ...indexOperations(storageKey, before, after),
  ]
}

/** The part of it that is beside the record. */
export function indexOperations(storageKey: string, before: Copy, after: Copy): DiskOperation[] {
  const isThere = after.record.length > 0
  const wasThere = before.record.length > 0
  const operations: DiskOperation[] = []
  const deadBefore = deadFromMs(before.object, wallMsOf)
  const deadAfter = deadFromMs(after.object, wallMsOf)
  if (isThere === wasThere && deadBefore === deadAfter) return operations
  const at = parseDataKey(storageKey)
  if (at === undefined) return operations
  if (isThere !== wasThere) {
    operations.push(place(isThere, leafKey(at.partition, leafOf(hashText(at.name)), at.name)))
  }
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

/** Takes away a record that cannot be read, and whatever it was. Its grave, if it has one, falls in by itself. */
export function removalOperations(storageKey: string): DiskOperation[] {
  const operations: DiskOperation[] = [{ type: 'delete', key: storageKey }]
  const at = parseDataKey(storageKey)
  if (at !== undefined) {
    operations.push(place(false, leafKey(at.partition, leafOf(hashText(at.name)), at.name)))
  }
  return operations
}

function place(isThere: boolean, key: string): DiskOperation {
  return isThere ? { type: 'put', key, value: NOTHING } : { type: 'delete', key }
}
