/**
 * Deletes records of a data partition from this node: records of keys that it no longer keeps, and leftovers of an
 * earlier ownership of keys that it keeps again.
 */
import type { Disk } from '../../ports/disk.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { removalOperations } from './data-index.ts'
import type { GroupCommit } from './group-commit.ts'
import { ABSENT_COPY, RecordCorruptError } from '../wire/object-record.ts'
import type { ObjectTable } from './object-table.ts'
import { type RecordPage, readPage } from './record-page.ts'
import { parseDataKey, partitionRange } from './storage-keys.ts'

/** Records that are deleted in parallel. Each page is durable before the next one starts. */
const PAGE = 256

export interface DropParts {
  readonly disk: Disk
  readonly metrics: Metrics
  readonly table: ObjectTable
  readonly commits: GroupCommit
}

/**
 * Deletes the partition's records in all buckets that may be dropped. Calls `mayDrop` again for each record. Rejects
 * with a `DiskError`; the next call then deletes the remaining records.
 */
export async function dropRecords(
  { disk, metrics, table, commits }: DropParts,
  partition: number,
  mayDrop: (bucket: string) => boolean,
): Promise<void> {
  const [begin, end] = partitionRange(partition)
  for (let from: string | undefined = begin; from !== undefined;) {
    const page: RecordPage = await readPage(disk, from, end, PAGE)
    const dropped = page.entries
      .map(([storageKey]) => storageKey)
      .filter((storageKey) => mayDrop(parseDataKey(storageKey)?.bucket ?? ''))
    await Promise.all(dropped.map((storageKey) => dropRecord({ table, commits }, storageKey)))
    if (dropped.length > 0) metrics.count('swept_keys_total', undefined, dropped.length)
    from = page.next
  }
}

/** Deletes one record with its index entries, and resolves once that is durable. Rejects with a `DiskError`. */
export function dropRecord(
  { table, commits }: Pick<DropParts, 'table' | 'commits'>,
  storageKey: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    table.find(storageKey, (entry, failure) => {
      if (entry !== undefined) {
        // Sync the deletion, because a deleted record must not reappear after a crash as one that this node keeps.
        table.replace(entry, ABSENT_COPY, 'sync', (failed) => (failed ? reject(failed) : resolve()))
      } else if (failure instanceof RecordCorruptError) {
        commits.add(removalOperations(storageKey), 'sync', (failed) => {
          table.removed(storageKey)
          if (failed) reject(failed)
          else resolve()
        })
      } else reject(failure as Error)
    })
  })
}
