/** A directory as versions before the checksums had it: every value without its frame, and an older format. */
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { unframe } from '../../../src/node/storage/record-frame.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'

export function unframedDirectory(
  directory: ReadonlyMap<string, Uint8Array>,
  format: 1 | 2,
): Map<string, Uint8Array> {
  const unframed = new Map<string, Uint8Array>()
  for (const [key, framed] of directory) {
    const value = unframe(key, framed)
    if (value === undefined) throw new Error(`${key} is damaged`)
    unframed.set(key, value)
  }
  unframed.delete(metaKey('names'))
  return unframed.set(metaKey('format'), msgpackCodec.encode(format))
}
