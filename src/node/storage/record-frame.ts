/**
 * The frame around every stored value: a checksum that binds the value to its key.
 *
 *   u32 LE  hash of the key, XORed with the hash of the value
 *   rest    the value
 *
 * A data record and a hint begin with the hash of their own content (object-record.ts). That hash stands for the
 * value here, so that a value is hashed once; `decodeRecord` checks it. Every other value is hashed here.
 *
 * Invariant: a value that is changed, or found under another key, is never returned as intact.
 */
import { hashText } from '../../core/hash/text-hash.ts'
import { xxh32 } from '../../core/hash/xxh32.ts'
import { checksumOf } from '../wire/object-record.ts'

const FRAME_BYTES = 4
/** A damaged record may be too short to have a hash of its own. */
const OWN_HASH_BYTES = 4
const LETTER_D = 0x64
const LETTER_H = 0x68

export function frame(key: string, value: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FRAME_BYTES + value.length)
  framed.set(value, FRAME_BYTES)
  const check = checkOf(key, value)
  for (let i = 0; i < FRAME_BYTES; i++) framed[i] = check >>> (8 * i)
  return framed
}

/** The value, a view into `framed`; undefined where the frame does not fit the key or the value. */
export function unframe(key: string, framed: Uint8Array): Uint8Array | undefined {
  if (framed.length < FRAME_BYTES) return undefined
  const value = framed.subarray(FRAME_BYTES)
  return checksumOf(framed) === checkOf(key, value) ? value : undefined
}

function checkOf(key: string, value: Uint8Array): number {
  return (hashText(key) ^ valueHash(key, value)) >>> 0
}

function valueHash(key: string, value: Uint8Array): number {
  const letter = key.charCodeAt(0)
  const hasOwnHash = letter === LETTER_D || letter === LETTER_H
  return hasOwnHash && value.length >= OWN_HASH_BYTES ? checksumOf(value) : xxh32(value)
}
