/**
 * xxHash32 (Yann Collet). It places keys, and detects damaged records. It is fast enough for every request, and does
 * not protect against forgery. Tests check it against the reference vectors.
 */
import { word } from './little-endian.ts'

const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

/** Returns an unsigned 32-bit number. `end` limits the bytes that are hashed. */
export function xxh32(bytes: Uint8Array, seed = 0, end = bytes.length): number {
  let i = 0
  let hash: number
  if (end >= 16) {
    let a = (seed + PRIME_1 + PRIME_2) | 0
    let b = (seed + PRIME_2) | 0
    let c = seed | 0
    let d = (seed - PRIME_1) | 0
    const last = end - 16
    do {
      a = round(a, word(bytes, i))
      b = round(b, word(bytes, i + 4))
      c = round(c, word(bytes, i + 8))
      d = round(d, word(bytes, i + 12))
      i += 16
    } while (i <= last)
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  } else {
    hash = (seed + PRIME_5) | 0
  }
  hash = (hash + end) | 0
  for (; i + 4 <= end; i += 4) {
    hash = Math.imul(rotate((hash + Math.imul(word(bytes, i), PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; i < end; i++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[i] as number, PRIME_5)) | 0, 11), PRIME_1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, PRIME_2)) | 0, 13), PRIME_1)
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}
