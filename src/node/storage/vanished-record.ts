/**
 * Handles a record that an index (data-index.ts) lists but that is absent. A record and its index entries are always
 * written in one batch, so the disk has lost the record, for instance because its key is damaged.
 *
 * Below the horizon, an absent record means that the key was deleted, and the other owners would believe it. So
 * `replaceVanished` stores a damaged record in its place. A damaged record claims nothing, and read repair or
 * anti-entropy later replaces it by the copy of the other owners.
 */
import { hashText } from '../../core/hash/text-hash.ts'
import { leafOf } from '../../core/repair/hash-tree.ts'
import type { Signal } from '../../core/signal.ts'
import { type Disk, DiskError } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Entry, ObjectTable } from './object-table.ts'
import { type DataName, leafKey, listKey, parseDataKey } from './storage-keys.ts'

/** This value is shorter than a checksum, so it is never a valid record. */
const DAMAGED = new Uint8Array(1)

export const RECORD_VANISHED = 'a record has vanished from the disk'

export interface VanishedParts {
  readonly table: ObjectTable
  readonly commits: GroupCommit
  /** This function emits it: the node has lost a write that it had acknowledged. */
  readonly givenUp: Signal
}

/**
 * Resolves once a damaged record is stored, or if the record had not vanished: a write or the collector may just have
 * changed it. Rejects with a `DiskError`.
 */
export async function replaceVanished(
  { disk, log }: { readonly disk: Disk; readonly log: Log },
  { table, commits, givenUp }: VanishedParts,
  storageKey: string,
): Promise<void> {
  const { partition, bucket, name } = parseDataKey(storageKey) as DataName
  if (!(await isAtRest(table, storageKey))) return
  const leaf = leafKey(partition, leafOf(hashText(name)), name)
  const [record, ...places] = await disk.getMany([storageKey, leaf, listKey(name)])
  const isListed = places.some((place) => place !== undefined)
  if (!isListed || record !== undefined) return
  await new Promise<void>((resolve, reject) => {
    table.find(storageKey, (entry, failure) => {
      if (entry === undefined && failure instanceof DiskError) {
        reject(failure)
        return
      }
      if (!hasNoRecord(entry)) {
        resolve()
        return
      }
      log.error({ bucket, partition }, RECORD_VANISHED)
      givenUp.emit()
      commits.add([{ type: 'put', key: storageKey, value: DAMAGED }], 'sync', (failed) => {
        table.removed(storageKey)
        if (failed === undefined) resolve()
        else reject(failed)
      })
    })
  })
}

/** Whether the key has no record, and no commit in progress. Rejects with a `DiskError` if the disk does not tell. */
function isAtRest(table: ObjectTable, storageKey: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    table.find(storageKey, (entry, failure) => {
      if (failure instanceof DiskError) reject(failure)
      else resolve(hasNoRecord(entry))
    })
  })
}

function hasNoRecord(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.pending === 0 && entry.latest.record.length === 0
}
