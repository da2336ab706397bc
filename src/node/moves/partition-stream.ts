/**
 * A data partition on its way to a next owner: pages of records in key order. The last key of a page names the
 * position, so after a break the stream goes on there, from any owner. The stream carries most copies. The comparison
 * of the hash trees finds the rest: writes behind the position, and damaged records.
 */
import type { Disk } from '../../ports/disk.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import { type DataName, parseDataKey, partitionRange } from '../storage/storage-keys.ts'
import type { StreamedRecord, StreamPage, StreamRequest } from '../wire/asks/move-asks.ts'

/** Bounds of one page: it ends with the record that reaches this many bytes. */
const PAGE = 128
const PAGE_BYTES = 512 * 1024

/** Rejects with a `DiskError`. */
export async function streamPage(
  disk: Disk,
  { partition, after }: StreamRequest,
): Promise<StreamPage> {
  const [begin, end] = partitionRange(partition)
  const from = after === '' ? begin : keyAfter(after)
  const { entries, next } = await readPage(disk, from, end, PAGE, PAGE_BYTES)
  const records = entries.map(([storageKey, record]) => ({ storageKey, record }))
  return {
    records,
    next: next === undefined ? undefined : (records.at(-1) as StreamedRecord).storageKey,
  }
}

export interface NamedRecord {
  readonly at: DataName
  readonly record: Uint8Array
}

/** The records of a page with their keys. Throws if one of them is not a key of the data partition. */
export function namedRecords(partition: number, { records }: StreamPage): NamedRecord[] {
  return records.map(({ storageKey, record }) => {
    const at = parseDataKey(storageKey)
    if (at?.partition !== partition) throw new Error(`not a key of partition ${partition}`)
    return { at, record }
  })
}
