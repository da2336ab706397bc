/**
 * One owner's page of a list of keys (key-pages.ts) as it travels.
 *
 * The heads of the records travel as they are stored: the owner does not decode them, and the coordinator decodes one of
 * several that are equal. A node of version 2 reads and sends the decoded form.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import { decodeHead, encodeHead } from '../storage/record-head.ts'

/** Everything that a node holds with `after < key <= until`; to the end where `until` is undefined. */
export interface OwnerPage {
  readonly until: string | undefined
  readonly entries: readonly ListedRecord[]
  /** Data partitions in which a key may be missing. */
  readonly doubtful: readonly number[]
}

export interface ListedRecord {
  readonly key: string
  /** Encoded (record-head.ts). */
  readonly head: Uint8Array
}

/** What an ask carries so that it is answered with encoded heads; version 2 does not say it, and does not look for it. */
export const READS_ENCODED_HEADS = true

/** [until or null, [doubtful partition, …], key, head, key, head, …] */
export function encodePage({ until, entries, doubtful }: OwnerPage): Encodable[] {
  return [until ?? null, [...doubtful], ...entries.flatMap(({ key, head }) => [key, head])]
}

/**
 * [until or null, [key, …head], …], with the list of doubtful partitions at the end where there are any:
 * version 2 takes such a page for garbage, which tells it nothing. Throws where a head is damaged.
 */
export function encodePageFor2(codec: Codec, { until, entries, doubtful }: OwnerPage): Encodable[] {
  const listed = entries.map(({ key, head }): Encodable => [
    key,
    ...(codec.decode(head) as Encodable[]),
  ])
  return [until ?? null, ...listed, ...(doubtful.length === 0 ? [] : [[...doubtful]])]
}

/** In either form. Undefined for garbage; the heads have not been looked into. */
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
