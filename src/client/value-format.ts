/** How values become bytes and back: as text, as bytes, as JSON, or as a program decides. */
import { assertUsage } from './request/usage.ts'

export interface Format<T> {
  /** Stored with the value. */
  readonly contentType: string
  readonly encode: (value: T) => string | Uint8Array<ArrayBuffer>
  /** May throw: the reader of the value gets a FormatError with this cause. */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, contentType: string) => T
}

/** A stored value that the format of its reader cannot read. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
}

/** Strict, because a replaced character would be lost with the next write. Keeps a byte order mark. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Refuses half of a surrogate pair: `fetch` would send U+FFFD in its place. */
export const text: Format<string> = {
  contentType: 'text/plain; charset=utf-8',
  encode: (value) => {
    const problem = 'the value has half of a surrogate pair, which UTF-8 cannot express'
    assertUsage(value.isWellFormed(), problem)
    return value
  },
  decode: (value) => UTF8.decode(value),
}

export const bytes: Format<Uint8Array<ArrayBuffer>> = {
  contentType: 'application/octet-stream',
  encode: (value) => value,
  decode: (value) => value,
}

/** Nothing checks that a stored value is a `T`. Write a `Format` of your own to check it. */
export function json<T>(): Format<T> {
  return {
    contentType: 'application/json',
    encode: (value) => {
      const encoded = JSON.stringify(value) as string | undefined
      if (encoded === undefined) throw new TypeError('the value has no form as JSON')
      return encoded
    },
    decode: (value) => JSON.parse(UTF8.decode(value)) as T,
  }
}

/** Throws FormatError. */
export function decodeValue<T>(
  format: Format<T>,
  value: Uint8Array<ArrayBuffer>,
  contentType: string,
  where: string,
): T {
  try {
    return format.decode(value, contentType)
  } catch (cause) {
    const message = `The value of ${where}, of type ${contentType}, cannot be read as ${format.contentType}.`
    throw new FormatError(message, { cause })
  }
}
