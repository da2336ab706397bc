/**
 * Reads a range of keys from the disk, one page at a time. A page is bounded in entries and in bytes, because one record
 * may be as large as a thousand others.
 *
 * Invariant: if each page begins at the `next` of the previous page, the pages contain every entry of the range.
 */
import type { DiskReader } from '../../ports/disk.ts'

/** A page ends with the entry that reaches this size. */
const PAGE_BYTES = 1024 * 1024

export interface RecordPage {
  readonly entries: readonly [key: string, value: Uint8Array][]
  /** Where the next page begins; undefined at the end of the range. */
  readonly next: string | undefined
}

/** The first page of `from <= key < to`. Rejects with a `DiskError`. */
export async function readPage(
  disk: DiskReader,
  from: string,
  to: string,
  limit: number,
  bytesMax: number = PAGE_BYTES,
): Promise<RecordPage> {
  const entries = await disk.range(from, to, limit, bytesMax)
  const last = entries.at(-1)
  if (last === undefined) return { entries, next: undefined }
  const isFull = entries.length >= limit || sizeOf(entries) >= bytesMax
  return { entries, next: isFull ? keyAfter(last[0]) : undefined }
}

/** The first key after `key` in UTF-8 order. */
export function keyAfter(key: string): string {
  return `${key}\u0000`
}

function sizeOf(entries: RecordPage['entries']): number {
  // A UTF-16 unit takes at most three bytes. If this estimate is too high, the only effect is an empty last page.
  return entries.reduce((sum, [key, value]) => sum + 3 * key.length + value.length, 0)
}
