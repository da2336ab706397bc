/**
 * The ask for one owner's page of a list of keys (key-pages.ts).
 *
 * The heads of the records are sent as they are stored: the owner does not decode them, and the coordinator decodes
 * only one of several equal heads. A node of version 2 reads and sends decoded heads.
 */
import type { Encodable } from '../../../ports/codec.ts'
import type { AskFormat, Fields } from './ask-format.ts'
import { bytesIn, countIn, countsIn, listIn, textIn } from './fields.ts'

export interface ListRequest {
  readonly bucket: string
  readonly prefix: string
  /** Only keys after this one. */
  readonly after: string
  readonly limit: number
  /** Whether the sender reads encoded heads. Version 2 does not send this, and ignores it. */
  readonly readsEncodedHeads: boolean
}

/** Everything that a node holds with `after < key <= until`; up to the end if `until` is undefined. */
export interface ListedPage<Head> {
  readonly until: string | undefined
  readonly entries: readonly { readonly key: string; readonly head: Head }[]
  /** Data partitions in which a key may be missing from the page. */
  readonly doubtful: readonly number[]
}

export type PageAnswer =
  | ({ readonly heads: 'encoded' } & ListedPage<Uint8Array>)
  | ({ readonly heads: 'decoded' } & ListedPage<readonly Encodable[]>)

/**
 * [bucket, prefix, after, limit, readsEncodedHeads] → [until or null, [doubtful partition, …], key, head, key, head, …]
 *
 * With decoded heads: [until or null, [key, …head], …], followed by the list of doubtful partitions if there are any.
 * Version 2 treats a page with that list as garbage, and so counts the owner as missing.
 */
export const LIST: AskFormat<ListRequest, PageAnswer> = {
  kind: 'list',
  encode({ bucket, prefix, after, limit, readsEncodedHeads }, message) {
    message.push(bucket, prefix, after, limit, readsEncodedHeads)
  },
  decode([bucket, prefix, after, limit, readsEncodedHeads]) {
    return {
      bucket: textIn(bucket),
      prefix: textIn(prefix),
      after: textIn(after),
      limit: countIn(limit),
      readsEncodedHeads: readsEncodedHeads === true,
    }
  },
  encodeAnswer(page, message) {
    const { until, doubtful } = page
    message.push(until ?? null)
    if (page.heads === 'encoded') {
      message.push(doubtful)
      for (const { key, head } of page.entries) message.push(key, head)
      return
    }
    for (const { key, head } of page.entries) message.push([key, ...head])
    if (doubtful.length > 0) message.push(doubtful)
  },
  decodeAnswer([until, ...fields]) {
    const head = { until: until === null ? undefined : textIn(until) }
    const [first] = fields
    const isDecoded = first === undefined || typeof listIn(first)[0] === 'string'
    return { ...head, ...(isDecoded ? decodedIn(fields) : encodedIn(fields)) }
  },
}

function encodedIn([doubtful, ...fields]: Fields): Omit<
  PageAnswer & { heads: 'encoded' },
  'until'
> {
  const entries: { key: string; head: Uint8Array }[] = []
  for (let i = 0; i < fields.length; i += 2) {
    entries.push({ key: textIn(fields[i]), head: bytesIn(fields[i + 1]) })
  }
  return { heads: 'encoded', entries, doubtful: countsIn(doubtful) }
}

function decodedIn(fields: Fields): Omit<PageAnswer & { heads: 'decoded' }, 'until'> {
  const entries = fields.map((field) => {
    const [key, ...head] = listIn(field)
    return { key: textIn(key), head: head as readonly Encodable[] }
  })
  // A list of doubtful partitions has no key, so it makes the page garbage.
  return { heads: 'decoded', entries, doubtful: [] }
}
