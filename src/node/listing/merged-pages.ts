/**
 * Merges the pages of several owners (list-page.ts) into one: each key with the merge of its copies.
 *
 * Copies are nearly always equal. Their heads are then equal bytes, and only one of them is decoded.
 */
import { equalBytes } from '../wire/equal-bytes.ts'
import type { Dot } from '../../core/causality/dot.ts'
import { merge, type StoredObject } from '../../core/causality/stored-object.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { compareKeys } from '../../core/placement/key-order.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Codec } from '../../ports/codec.ts'
import type { OwnerPage } from './list-page.ts'
import { decodeHead, type RecordHead } from '../storage/record-head.ts'
import { modeOf } from '../replica/replica.ts'

export interface MergedPages {
  /** The last key up to which every owner has looked; undefined if all owners have looked to the end. */
  readonly until: string | undefined
  /** In key order, up to `until`. */
  readonly keys: readonly MergedKey[]
  /** Data partitions of keys with a damaged head. Such a key is left out. */
  readonly doubtful: readonly number[]
}

export interface MergedKey {
  readonly key: string
  /** Its siblings have no values, except those that name an update (update-name.ts). */
  readonly object: StoredObject
  /** Size of each sibling's value in bytes, by `dotName`. */
  readonly sizes: ReadonlyMap<string, number>
}

export function mergePages(codec: Codec, bucket: Bucket, pages: readonly OwnerPage[]): MergedPages {
  const until = firstEnd(pages)
  const headsOf = new Map<string, Uint8Array[]>()
  for (const { entries } of pages) {
    for (const { key, head } of entries) {
      if (until !== undefined && compareKeys(key, until) > 0) break
      const heads = headsOf.get(key)
      if (heads === undefined) headsOf.set(key, [head])
      else if (!heads.some((other) => equalBytes(other, head))) heads.push(head)
    }
  }
  const keys: MergedKey[] = []
  const doubtful: number[] = []
  for (const key of [...headsOf.keys()].sort(compareKeys)) {
    const heads = decodeHeads(codec, headsOf.get(key) as Uint8Array[])
    if (heads === undefined) doubtful.push(partitionOf(bucket.name, key))
    else keys.push({ key, ...mergeHeads(bucket, heads) })
  }
  return { until, keys, doubtful }
}

export function dotName({ actor, timestamp }: Dot): string {
  return `${actor}@${timestamp}`
}

function firstEnd(pages: readonly OwnerPage[]): string | undefined {
  let first: string | undefined
  for (const { until } of pages) {
    if (until !== undefined && (first === undefined || compareKeys(until, first) < 0)) first = until
  }
  return first
}

/** Undefined if one of them is damaged. */
function decodeHeads(codec: Codec, heads: readonly Uint8Array[]): RecordHead[] | undefined {
  try {
    return heads.map((head) => decodeHead(...(codec.decode(head) as [unknown, unknown, unknown])))
  } catch {
    return undefined
  }
}

function mergeHeads(
  bucket: Bucket,
  heads: readonly RecordHead[],
): { object: StoredObject; sizes: Map<string, number> } {
  const sizes = new Map<string, number>()
  for (const { object, sizes: bytes } of heads) {
    object.siblings.forEach((sibling, i) => sizes.set(dotName(sibling), bytes[i] as number))
  }
  const [first, ...others] = heads.map(({ object }) => object) as [StoredObject, ...StoredObject[]]
  return { object: others.reduce((a, b) => merge(modeOf(bucket), a, b), first), sizes }
}
