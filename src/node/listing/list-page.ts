/**
 * The encoded form of one owner's page of a list of keys (key-pages.ts).
 *
 * The heads of the records are sent as they are stored: the owner does not decode them, and the coordinator decodes
 * only one of several equal heads. A node of version 2 reads and sends decoded heads.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import { decodeHead, encodeHead } from '../storage/record-head.ts'

/** Everything that a node holds with `after < key <= until`; up to the end if `until` is undefined. */
export interface OwnerPage {
  readonly until: string | undefined
  readonly entries: readonly ListedRecord[]
  /** Data partitions in which a key may be missing from the page. */
  readonly doubtful: readonly number[]
}

export interface ListedRecord {
  readonly key: string
  /** Encoded (record-head.ts). */
  readonly head: Uint8Array
}

/** Part of a request that wants encoded heads. Version 2 does not send it, and ignores it. */
export const READS_ENCODED_HEADS = true

/** [until or null, [doubtful partition, …], key, head, key, head, …] */
export function encodePage({ until, entries, doubtful }: OwnerPage): Encodable[] {
  return [until ?? null, [...doubtful], ...entries.flatMap(({ key, head }) => [key, head])]
}

/**
 * [until or null, [key, …head], …], followed by the list of doubtful partitions if there are any. Version 2 treats a
 * page with that list as garbage, and so counts the owner as missing. Throws if a head is damaged.
 */
export function encodePageFor2(codec: Codec, { until, entries, doubtful }: OwnerPage): Encodable[] {
  const listed = entries.map(({ key, head }): Encodable => [
    key,
    ...(codec.decode(head) as Encodable[]),
  ])
  return [until ?? null, ...listed, ...(doubtful.length === 0 ? [] : [[...doubtful]])]
}

/** Decodes either form. Undefined for garbage; the heads themselves are not checked. */
export function decodePage(codec: Codec, body: readonly Encodable[]): OwnerPage | undefined {
  const [until, second] = body as unknown[]
  if (until !== null && typeof until !== 'string') return undefined
  const isOf2 = second === undefined || (Array.isArray(second) && typeof second[0] === 'string')
  const entries = isOf2 ? entriesOf2(codec, body.slice(1)) : entriesOf(body.slice(2))
  const doubtful = isOf2 ? [] : second
  if (entries === undefined || !isNumbers(doubtful)) return undefined
  return { until: until ?? undefined, entries, doubtful }
}

function entriesOf(fields: readonly unknown[]): ListedRecord[] | undefined {
  if (fields.length % 2 !== 0) return undefined
  const entries: ListedRecord[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const [key, head] = [fields[i], fields[i + 1]]
    if (typeof key !== 'string' || !(head instanceof Uint8Array)) return undefined
    entries.push({ key, head })
  }
  return entries
}

function entriesOf2(codec: Codec, listed: readonly unknown[]): ListedRecord[] | undefined {
  const entries: ListedRecord[] = []
  for (const entry of listed) {
    if (!Array.isArray(entry)) return undefined
    const [key, ...head] = entry as [unknown, unknown, unknown, unknown]
    if (typeof key !== 'string') return undefined
    try {
      entries.push({ key, head: codec.encode(encodeHead(decodeHead(...head))) })
    } catch {
      return undefined
    }
  }
  return entries
}

function isNumbers(list: unknown): list is readonly number[] {
  return Array.isArray(list) && list.every(Number.isInteger)
}
