/**
 * The frame around every stored value. Its checksum covers the value and its key.
 *
 *   u32 LE  hash of the key, XORed with the hash of the value
 *   rest    the value
 *
 * A data record and a hint already begin with a hash of their content (object-record.ts). The frame uses that hash, so
 * that their values are hashed only once. `decodeRecord` checks it against the content. Other values are hashed here.
 *
 * Invariant: a value that has changed, or that lies under another key, is never taken for intact.
 */
import { hashText } from '../../core/hash/text-hash.ts'
import { xxh32 } from '../../core/hash/xxh32.ts'
import { checksumOf } from '../wire/object-record.ts'

const FRAME_BYTES = 4
/** Bytes of a record's own hash. A damaged record may be too short to have one. */
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

/** Returns the value as a view into `framed`; undefined if the checksum does not match the key and the value. */
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
