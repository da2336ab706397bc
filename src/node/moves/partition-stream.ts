/**
 * A data partition on its way to a next owner: pages of records in key order. The last key of a page names the
 * position, so after a break the stream goes on there, from any owner. The stream carries most copies. The comparison
 * of the hash trees finds the rest: writes behind the position, and damaged records.
 */
import type { Disk } from '../../ports/disk.ts'
import type { Encodable } from '../../ports/codec.ts'
import { PARTITION_COUNT } from '../../core/placement/topology.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import { type DataName, parseDataKey, partitionRange } from '../storage/storage-keys.ts'

/** Bounds of one page: it ends with the record that reaches this many bytes. */
const PAGE = 128
const PAGE_BYTES = 512 * 1024

export interface StreamPage {
  readonly records: readonly { readonly at: DataName; readonly record: Uint8Array }[]
  /** Pass it with the next question; undefined after the last page. */
  readonly next: string | undefined
}

/**
 * The body of an answer to `stream`: [next or null, storage key, record, …]. Rejects with a `DiskError`; throws on
 * garbage.
 */
export async function answerStream(disk: Disk, body: readonly Encodable[]): Promise<Encodable[]> {
  const [partition, after] = body as unknown[]
  if (!isPartition(partition) || typeof after !== 'string') throw new Error('not a stream question')
  const [begin, end] = partitionRange(partition)
  const from = after === '' ? begin : keyAfter(after)
  const { entries, next } = await readPage(disk, from, end, PAGE, PAGE_BYTES)
  return [next === undefined ? null : (entries.at(-1)?.[0] as string), ...entries.flat()]
}

/** Throws on garbage. */
export function decodeStreamPage(partition: number, body: readonly Encodable[]): StreamPage {
  const [next, ...entries] = body as unknown[]
  if (next !== null && typeof next !== 'string') throw new Error('not a page of a partition')
  const records = []
  for (let i = 0; i < entries.length; i += 2) {
    const [storageKey, record] = entries.slice(i, i + 2)
    const at = typeof storageKey === 'string' ? parseDataKey(storageKey) : undefined
    if (at?.partition !== partition || !(record instanceof Uint8Array)) {
      throw new Error('not a page of a partition')
    }
    records.push({ at, record })
  }
  return { records, next: next ?? undefined }
}

function isPartition(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < PARTITION_COUNT
  )
}
