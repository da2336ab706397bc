/** What a read finds in a key that may have siblings. */
import { type Answer, parseJson } from './request/answer.ts'
import { type Told, toldBy } from './key-requests.ts'
import { decodeValue, type Format, FormatError } from './value-format.ts'

/** One of the values of a key. `id`, `node` and `time` are told only if there are several. */
export interface Sibling<T> {
  readonly value: T
  readonly contentType: string
  readonly id?: string
  /** The node that took the write. */
  readonly node?: string
  readonly time?: Date
}

/** Makes one value of several. Concurrent clients should make the same value of the same siblings. */
export type Merge<T> = (siblings: readonly T[]) => T

export interface Entry<T> extends Told {
  /** Every live value, oldest first: none if the key is absent, several if writes were concurrent. */
  readonly siblings: readonly Sibling<T>[]
  /** For a write that replaces what this read found; undefined if there is nothing to replace. */
  readonly context: string | undefined
  readonly etag: string | undefined
  /** The one value; undefined if the key is absent. Several are merged. Throws SiblingsError without a `merge`. */
  readonly value: () => T | undefined
}

/** The key has several values, and the bucket of the client has no `merge`. */
export class SiblingsError extends Error {
  override readonly name = 'SiblingsError'
}

/** Throws FormatError. `where` names the key in messages. */
export function entryOf<T>(
  answer: Answer,
  format: Format<T>,
  merge: Merge<T> | undefined,
  where: string,
): Entry<T> {
  const { headers } = answer
  const siblings = siblingsIn(answer, where).map(({ raw, ...told }): Sibling<T> => ({
    ...told,
    value: decodeValue(format, raw, told.contentType, where),
  }))
  return {
    ...toldBy(answer),
    siblings,
    context: headers.get('quorate-context') ?? undefined,
    etag: headers.get('etag') ?? undefined,
    value: () => {
      if (siblings.length <= 1) return siblings[0]?.value
      if (merge !== undefined) return merge(siblings.map(({ value }) => value))
      throw new SiblingsError(
        `${where} has ${siblings.length} values: use siblings, or give the bucket a merge.`,
      )
    },
  }
}

interface RawSibling extends Omit<Sibling<never>, 'value'> {
  readonly raw: Uint8Array<ArrayBuffer>
}

function siblingsIn({ status, headers, body }: Answer, where: string): readonly RawSibling[] {
  if (status === 404) return []
  if (status === 200) return [{ raw: body, contentType: headers.get('content-type') ?? '' }]
  const listed = parseJson(body) as { readonly siblings?: readonly ListedSibling[] } | undefined
  if (!Array.isArray(listed?.siblings)) {
    throw new FormatError(`The siblings of ${where} came without a list of them.`)
  }
  return (listed.siblings as readonly ListedSibling[]).map((sibling) => ({
    raw: rawValue(sibling),
    contentType: sibling.contentType,
    id: sibling.id,
    node: sibling.node,
    time: new Date(sibling.time),
  }))
}

/** As the server lists it: the value as text if it is UTF-8, otherwise in base64. */
interface ListedSibling {
  readonly id: string
  readonly contentType: string
  readonly node: string
  readonly time: string
  readonly value?: string
  readonly valueBase64?: string
}

function rawValue({ value, valueBase64 = '' }: ListedSibling): Uint8Array<ArrayBuffer> {
  if (value !== undefined) return new TextEncoder().encode(value)
  return Uint8Array.from(atob(valueBase64), (character) => character.charCodeAt(0))
}
