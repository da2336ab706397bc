/**
 * One owner's page of a list of keys (key-pages.ts), in the form for version 2 of the protocol and back. A node of
 * version 2 reads and sends decoded heads.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import { decodeHead, encodeHead } from '../storage/record-head.ts'
import type { ListedPage, PageAnswer } from '../wire/asks/list-asks.ts'

/** The heads are encoded (record-head.ts). */
export type OwnerPage = ListedPage<Uint8Array>
export type ListedRecord = OwnerPage['entries'][number]

/** Throws if a head is damaged. */
export function answerFor2(codec: Codec, { until, entries, doubtful }: OwnerPage): PageAnswer {
  const decoded = entries.map(({ key, head }) => ({
    key,
    head: codec.decode(head) as readonly Encodable[],
  }))
  return { heads: 'decoded', until, entries: decoded, doubtful }
}

/** Takes either form. Undefined if a decoded head is damaged; encoded heads are not checked. */
export function pageIn(codec: Codec, answer: PageAnswer): OwnerPage | undefined {
  if (answer.heads === 'encoded') return answer
  const { until, entries, doubtful } = answer
  try {
    const encoded = entries.map(({ key, head: [vector, fields, names] }) => ({
      key,
      head: codec.encode(encodeHead(decodeHead(vector, fields, names))),
    }))
    return { until, entries: encoded, doubtful }
  } catch {
    return undefined
  }
}
