/**
 * A record that an index (data-index.ts) lists but that is absent. Both are always written in one batch, so the disk has
 * lost the record, for instance because bytes of its key are damaged. Below the horizon an absent record says that the
 * key was deleted, and the other owners would believe that. So this stores a damaged record in its place: a damaged
 * record says nothing, and is repaired like any other.
 */
import { hashText } from '../../core/hash/text-hash.ts'
import { leafOf } from '../../core/repair/hash-tree.ts'
import { type Disk, DiskError } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Entry, ObjectTable } from './object-table.ts'
import { type DataName, leafKey, listKey, parseDataKey } from './storage-keys.ts'

/** Shorter than a checksum: never a record. */
const DAMAGED = new Uint8Array(1)

export const RECORD_VANISHED = 'a record has vanished from the disk'

export interface VanishedParts {
  readonly table: ObjectTable
  readonly commits: GroupCommit
  /** Something that this node had said is lost. */
  readonly onGivenUp: () => void
}

/** Resolves once it is put down, or was only being written or collected. Rejects with a `DiskError`. */
export async function putDownVanished(
  { disk, log }: { readonly disk: Disk; readonly log: Log },
  { table, commits, onGivenUp }: VanishedParts,
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
      if (!isNothing(entry)) {
        resolve()
        return
      }
      log.error({ bucket, partition }, RECORD_VANISHED)
      onGivenUp()
      commits.add([{ type: 'put', key: storageKey, value: DAMAGED }], 'sync', (failed) => {
        table.removed(storageKey)
        if (failed === undefined) resolve()
        else reject(failed)
      })
    })
  })
}

/** Whether nothing is held, and nothing is on its way to the disk. */
function isAtRest(table: ObjectTable, storageKey: string): Promise<boolean> {
  return new Promise((resolve) => {
    table.find(storageKey, (entry) => resolve(isNothing(entry)))
  })
}

function isNothing(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.pending === 0 && entry.latest.record.length === 0
}
