/**
 * Strict percent-decoding of a part of a request target, once, to UTF-8. It refuses characters above 127, as HTTP
 * does, because their bytes could be read in more than one way.
 *
 * Invariant: each decoded text has exactly one meaning; nothing is normalised, replaced or dropped.
 */

/** Keeps a byte order mark, because it is part of the key. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An escape, or a character above 127. */
const NEEDS_DECODING = /[%\u0080-\uffff]/

/** The text, or undefined if an escape is broken or the bytes are not UTF-8. */
export function percentDecode(raw: string): string | undefined {
  if (!NEEDS_DECODING.test(raw)) return raw
  const bytes = Buffer.allocUnsafe(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code !== PERCENT) {
      if (code > 0x7f) return undefined
      bytes[length++] = code
      continue
    }
    const high = hexDigit(raw.charCodeAt(i + 1))
    const low = hexDigit(raw.charCodeAt(i + 2))
    if (high < 0 || low < 0) return undefined
    bytes[length++] = high * 16 + low
    i += 2
  }
  try {
    return UTF8.decode(bytes.subarray(0, length))
  } catch {
    return undefined
  }
}

const PERCENT = 0x25

/** The value of a hexadecimal digit, or -1 (also for NaN, past the end of the text). */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
