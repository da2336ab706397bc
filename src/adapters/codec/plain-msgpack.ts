/**
 * Checks whether bytes are exactly one MessagePack value of the plain data that the codec port allows. It looks only at
 * the heads of values, never at their content, so it costs a fraction of decoding.
 *
 * It runs before the decoder for two reasons: the decoder would build maps, dates, regular expressions and classes from
 * a peer's bytes, and it would allocate memory for lengths that are false.
 */

/** The deepest nesting of arrays. The node's own messages and records stay far below. */
export const DEPTH_MAX = 64

/** The high words of the 64-bit integers that a JavaScript number holds exactly. */
const SAFE_HIGH_WORD_MIN = -0x20_0000
const SAFE_HIGH_WORD_MAX = 0x1f_ffff

export function isPlainMsgpack(bytes: Uint8Array): boolean {
  const { length } = bytes
  /** Values still to come in each open array; the outermost "array" is the one value itself. */
  const open: number[] = []
  let left = 1
  let position = 0
  for (;;) {
    while (left === 0) {
      if (open.length === 0) return position === length
      left = open.pop() as number
    }
    left--
    if (position >= length) return false
    const head = bytes[position++] as number
    const items = arrayItems(bytes, head, position)
    if (items < 0) {
      position = endOfScalar(bytes, head, position)
      if (position > length) return false
      continue
    }
    position += head === 0xdc ? 2 : head === 0xdd ? 4 : 0
    // Each item takes at least one byte, so a count above the number of bytes left is false.
    if (!(items <= length - position) || open.length >= DEPTH_MAX) return false
    open.push(left)
    left = items
  }
}

/** How many items follow; -1 if `head` does not begin an array; NaN if the count is cut off. */
function arrayItems(bytes: Uint8Array, head: number, position: number): number {
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f
  if (head === 0xdc) return unsigned(bytes, position, 2)
  if (head === 0xdd) return unsigned(bytes, position, 4)
  return -1
}

/** The position after the value; Infinity if the value is not plain or is cut off. Never NaN. */
function endOfScalar(bytes: Uint8Array, head: number, position: number): number {
  if (head <= 0x7f || head >= 0xe0) return position
  if (head >= 0xa0 && head <= 0xbf) return position + (head & 0x1f)
  switch (head) {
    case 0xc0: // null
    case 0xc2: // false
    case 0xc3: // true
      return position
    case 0xc4: // bytes
    case 0xd9: // string
      return end(position + 1, unsigned(bytes, position, 1))
    case 0xc5:
    case 0xda:
      return end(position + 2, unsigned(bytes, position, 2))
    case 0xc6:
    case 0xdb:
      return end(position + 4, unsigned(bytes, position, 4))
    case 0xca: // float 32: all ones in the exponent are infinite, or no number
      return (unsigned(bytes, position, 2) & 0x7f80) === 0x7f80 ? Infinity : position + 4
    case 0xcb:
      return (unsigned(bytes, position, 2) & 0x7ff0) === 0x7ff0 ? Infinity : position + 8
    case 0xcc: // integers
    case 0xd0:
      return position + 1
    case 0xcd:
    case 0xd1:
      return position + 2
    case 0xce:
    case 0xd2:
      return position + 4
    case 0xcf:
      return unsigned(bytes, position, 4) > SAFE_HIGH_WORD_MAX ? Infinity : position + 8
    case 0xd3: {
      const high = unsigned(bytes, position, 4) | 0
      return high < SAFE_HIGH_WORD_MIN || high > SAFE_HIGH_WORD_MAX ? Infinity : position + 8
    }
    default: // maps, extensions, 0xc1
      return Infinity
  }
}

function end(start: number, length: number): number {
  return length >= 0 ? start + length : Infinity
}

/** NaN if the bytes end too early. */
function unsigned(bytes: Uint8Array, position: number, size: 1 | 2 | 4): number {
  if (position + size > bytes.length) return NaN
  let value = 0
  for (let i = position; i < position + size; i++) value = value * 256 + (bytes[i] as number)
  return value
}
