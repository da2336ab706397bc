/**
 * Pages of a snapshot of this node's disk, for a backup: the records of a bucket in the order of their keys, and the
 * hints for one owner.
 *
 * The key index gives the order (storage/data-index.ts). A key that the index lists without a record is damaged, and its
 * record in the page is empty.
 */
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { DiskReader } from '../../ports/disk.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import { dataKey, hintKey, listKey, listRange } from '../storage/storage-keys.ts'
import type { CutPage, CutRecord } from '../wire/asks/cut-asks.ts'

/** A page ends with the read that reaches this size. */
const PAGE_BYTES = 256 * 1024
/** Index entries read in one call. */
const CHUNK = 256
/** A page ends after this many index entries, however few keys it has: other nodes may own most of them. */
const PLACES_MAX = 16 * CHUNK
/** Small records read in one call. A large one ends the call. */
const SMALL_TOGETHER = 64
const HINTS_MAX = 256
const NOTHING = new Uint8Array(0)

/** `keeps`: whether the node's records of a data partition count. Rejects with a `DiskError`. */
export async function recordPage(
  snapshot: DiskReader,
  keeps: (partition: number) => boolean,
  { bucket, after }: { readonly bucket: string; readonly after: string },
): Promise<CutPage> {
  const [begin, end] = listRange(bucket, '')
  const base = listKey(`${bucket}/`)
  const records: CutRecord[] = []
  let bytes = 0
  let from = after === '' ? begin : keyAfter(`${base}${after}`)
  for (let read = CHUNK; ; read += CHUNK) {
    const { entries, next } = await readPage(snapshot, from, end, CHUNK)
    let looked = 0
    for (const group of groupsOf(entries)) {
      looked += group.length
      const kept = group
        .map(([place]) => place.slice(base.length))
        .map((key) => ({ key, partition: partitionOf(bucket, key) }))
        .filter(({ partition }) => keeps(partition))
      const found = await snapshot.getMany(
        kept.map(({ key, partition }) => dataKey(partition, bucket, key)),
      )
      for (const [i, { key }] of kept.entries()) {
        const record = found[i] ?? NOTHING
        records.push({ key, record })
        bytes += key.length + record.length
      }
      const isLast = next === undefined && looked === entries.length
      const last = (group.at(-1) as ListEntry)[0].slice(base.length)
      if (bytes >= PAGE_BYTES) return { records, next: isLast ? undefined : last }
    }
    if (next === undefined) return { records, next }
    const last = (entries.at(-1) as ListEntry)[0].slice(base.length)
    if (read >= PLACES_MAX) return { records, next: last }
    from = next
  }
}

/** The hints for the owner about keys of the bucket. Rejects with a `DiskError`. */
export async function hintPage(
  snapshot: DiskReader,
  {
    owner,
    bucket,
    after,
  }: { readonly owner: string; readonly bucket: string; readonly after: string },
): Promise<CutPage> {
  const base = hintKey(owner, bucket, '')
  // `0` is the character after `/`, so this is the end of all keys that begin with `base`.
  const end = `${base.slice(0, -1)}0`
  const from = after === '' ? base : keyAfter(`${base}${after}`)
  const { entries, next } = await readPage(snapshot, from, end, HINTS_MAX, PAGE_BYTES)
  const records = entries.map(([hint, record]) => ({ key: hint.slice(base.length), record }))
  return { records, next: next === undefined ? undefined : records.at(-1)?.key }
}

type ListEntry = [place: string, head: Uint8Array]

/** Each group has at most one large record, at its end: only large ones have a head in the index. */
function groupsOf(entries: readonly ListEntry[]): ListEntry[][] {
  const groups: ListEntry[][] = []
  let group: ListEntry[] = []
  for (const entry of entries) {
    group.push(entry)
    if (group.length < SMALL_TOGETHER && entry[1].length === 0) continue
    groups.push(group)
    group = []
  }
  if (group.length > 0) groups.push(group)
  return groups
}
