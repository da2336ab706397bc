/** xxHash32 of a text's UTF-8 bytes. */
import { xxh32 } from './xxh32.ts'

/** The longest text, in UTF-16 units, that is hashed without allocating a buffer. */
const SCRATCH_UNITS = 2048
const scratch = new Uint8Array(SCRATCH_UNITS * 3)
const encoder = new TextEncoder()

export function hashText(text: string, seed = 0): number {
  if (text.length > SCRATCH_UNITS) return xxh32(encoder.encode(text), seed)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return xxh32(scratch, seed, encoder.encodeInto(text, scratch).written)
    scratch[i] = unit
  }
  return xxh32(scratch, seed, text.length)
}
