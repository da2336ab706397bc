/** Decompresses Snappy (format_description.txt of Snappy), with which LevelDB compresses its blocks. */

const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2
/** A longer literal has its length in separate bytes. */
const SHORT_LITERAL_MAX = 60

/** Undefined if `input` is not a complete compressed block of at most `bytesMax`. */
export function uncompress(input: Uint8Array, bytesMax: number): Uint8Array | undefined {
  const { value: length, next } = readVarint(input, 0)
  if (next < 0 || length > bytesMax) return undefined
  const output = new Uint8Array(length)
  let from = next
  let to = 0
  const number = (bytes: number): number => {
    let value = 0
    for (let i = 0; i < bytes; i++) value += (input[from++] ?? 0) * 2 ** (8 * i)
    return value
  }
  while (from < input.length) {
    const tag = input[from++] as number
    const kind = tag & 3
    let count = (tag >> 2) + 1
    if (kind === LITERAL) {
      if (count > SHORT_LITERAL_MAX) count = number(count - SHORT_LITERAL_MAX) + 1
      if (from + count > input.length || to + count > length) return undefined
      output.set(input.subarray(from, from + count), to)
      from += count
      to += count
      continue
    }
    if (kind === COPY_1) count = ((tag >> 2) & 7) + 4
    const offset = kind === COPY_1 ? ((tag >> 5) << 8) | number(1) : number(kind === COPY_2 ? 2 : 4)
    if (offset === 0 || offset > to || to + count > length) return undefined
    // Copy byte by byte, because the source may overlap the bytes being written.
    for (; count > 0; count--, to++) output[to] = output[to - offset] as number
  }
  return to === length ? output : undefined
}

/** Reads the varint at `at`. `next` is the offset after it, or -1 if there is no valid varint. */
export function readVarint(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0
  for (let shift = 0; shift < 64; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return { value, next: at }
  }
  return { value: 0, next: -1 }
}
