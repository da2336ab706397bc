/** Whole numbers in tokens: seven bits a byte, lowest first. It divides, because bit operations stop at 32 bits. */

/** The most bytes that a safe integer takes. */
export const VARINT_BYTES_MAX = 8

/** Returns the offset after the number. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value
  let end = at
  while (rest >= 128) {
    bytes[end++] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
  }
  bytes[end++] = rest
  return end
}

/** Undefined if the bytes end too early, or the number is too large. */
export function readVarint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0
  let unit = 1
  for (let i = at; i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i]
    if (byte === undefined) return undefined
    value += (byte % 128) * unit
    if (byte < 128) return Number.isSafeInteger(value) ? { value, end: i + 1 } : undefined
    unit *= 128
  }
  return undefined
}
