/**
 * What the frames of a backup hold: one header, one entry for each key in order, and an end mark. If the node could not
 * finish the backup, a failure stands in the place of the end mark.
 *
 * A backup has a *cut*: the time at which it has the state of every key (node/backup/README.md). Nodes of older
 * versions read the keys one after the other, so a key may have a later state than the cut. The end mark of such a file
 * names the buckets that were deleted meanwhile: their entries are no part of the backup.
 *
 * The payloads of header, end mark and failure are JSON. An entry is binary (byte-fields.ts):
 *
 *   entry   number of its bucket in the header · key · 1 if it was changed after the cut, else 0 · number of values
 *   value   timestamp of its write · expiry in ms since 1970, or 0 · content type · bytes
 */
import type { Timestamp } from '../causality/dot.ts'
import type { Bucket, BucketMode } from '../placement/topology.ts'
import { FieldReader, FieldWriter } from './byte-fields.ts'

export const HEADER_KIND = 1
export const ENTRY_KIND = 2
export const END_KIND = 3
export const FAILURE_KIND = 4

/**
 * Which acknowledged writes the backup has for certain: all of them, or those that a majority of the owners
 * acknowledged.
 */
export type Coverage = 'all' | 'quorum'

export interface BackupHeader {
  /** The cluster that was backed up. */
  readonly clusterId: string
  readonly node: string
  readonly covers: Coverage
  /** Every covered write up to this timestamp is in the backup, or a write that replaced it. */
  readonly cut: Timestamp
  /** The cut as wall time, in ms since 1970. */
  readonly cutMs: number
  /** In the order of their keys in the file. */
  readonly buckets: readonly Bucket[]
}

export interface BackupEntry {
  /** The place of the bucket in the header. */
  readonly bucket: number
  readonly key: string
  /** The key was written after the cut, and its state at the cut may have been another (`keysAfterCut`). */
  readonly isAfterCut: boolean
  /** Live siblings, the elements of a set, or one value. The value of a counter is its total in decimal. */
  readonly values: readonly BackupValue[]
}

export interface BackupValue {
  /** When it was written. 0 for counters and sets, whose values come from many writes. */
  readonly timestamp: Timestamp
  /** 0 means never. */
  readonly expiresAtMs: number
  readonly contentType: string
  readonly value: Uint8Array
}

export interface BackupTotals {
  readonly keys: number
  readonly values: number
  readonly valueBytes: number
  /** Keys that were written after the cut. 0 in a file that was made with every member (node/backup/README.md). */
  readonly keysAfterCut: number
}

/** What the end mark says: the totals of all entries before it. */
export interface BackupEnd extends BackupTotals {
  /** Buckets whose entries are ignored. Only in files of older versions; absent if there are none. */
  readonly deletedBuckets?: readonly string[]
}

export const NO_TOTALS: BackupTotals = { keys: 0, values: 0, valueBytes: 0, keysAfterCut: 0 }

export function addEntry(totals: BackupTotals, { values, isAfterCut }: BackupEntry): BackupTotals {
  return {
    keys: totals.keys + 1,
    values: totals.values + values.length,
    valueBytes: values.reduce((sum, { value }) => sum + value.length, totals.valueBytes),
    keysAfterCut: totals.keysAfterCut + (isAfterCut ? 1 : 0),
  }
}

export function sumOf(all: readonly BackupTotals[]): BackupTotals {
  return all.reduce(
    (sum, { keys, values, valueBytes, keysAfterCut }) => ({
      keys: sum.keys + keys,
      values: sum.values + values,
      valueBytes: sum.valueBytes + valueBytes,
      keysAfterCut: sum.keysAfterCut + keysAfterCut,
    }),
    NO_TOTALS,
  )
}

export function encodeEntry({
  bucket,
  key,
  isAfterCut,
  values,
}: BackupEntry): readonly Uint8Array[] {
  const fields = new FieldWriter()
  fields.number(bucket)
  fields.text(key)
  fields.number(isAfterCut ? 1 : 0)
  fields.number(values.length)
  for (const { timestamp, expiresAtMs, contentType, value } of values) {
    fields.number(timestamp)
    fields.number(expiresAtMs)
    fields.text(contentType)
    fields.bytes(value)
  }
  return fields.parts
}

/** Throws an error on garbage. The values are views into `payload`. */
export function decodeEntry(payload: Uint8Array): BackupEntry {
  const fields = new FieldReader(payload)
  const bucket = fields.number()
  const key = fields.text()
  const isAfterCut = fields.number() === 1
  const values: BackupValue[] = []
  for (let left = fields.number(); left > 0; left--) {
    const timestamp = fields.number()
    const expiresAtMs = fields.number()
    const contentType = fields.text()
    values.push({ timestamp, expiresAtMs, contentType, value: fields.bytes() })
  }
  if (!fields.isAtEnd) throw new RangeError('bytes follow the last value')
  return { bucket, key, isAfterCut, values }
}

export function encodeJson(data: unknown): readonly Uint8Array[] {
  return [new TextEncoder().encode(JSON.stringify(data))]
}

export function decodeJson(payload: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(payload))
}

/** Whether a parsed header has the fields that readers rely on. */
export function isHeader(data: unknown): data is BackupHeader {
  if (typeof data !== 'object' || data === null) return false
  const { clusterId, node, covers, cut, cutMs, buckets } = data as Partial<BackupHeader>
  return (
    typeof clusterId === 'string' &&
    typeof node === 'string' &&
    (covers === 'all' || covers === 'quorum') &&
    Number.isSafeInteger(cut) &&
    Number.isSafeInteger(cutMs) &&
    Array.isArray(buckets) &&
    buckets.every(isBucket)
  )
}

const MODES: ReadonlySet<unknown> = new Set<BucketMode>([
  'siblings',
  'lww',
  'strong',
  'counter',
  'set',
])

function isBucket(data: unknown): data is Bucket {
  if (typeof data !== 'object' || data === null) return false
  const { name, mode } = data as Partial<Bucket>
  return typeof name === 'string' && MODES.has(mode)
}

export function isEnd(data: unknown): data is BackupEnd {
  if (typeof data !== 'object' || data === null) return false
  const { deletedBuckets = [], ...totals } = data as Partial<BackupEnd>
  const names = Object.keys(NO_TOTALS) as (keyof BackupTotals)[]
  return (
    names.every((name) => Number.isSafeInteger(totals[name])) &&
    Array.isArray(deletedBuckets) &&
    deletedBuckets.every((name) => typeof name === 'string')
  )
}
