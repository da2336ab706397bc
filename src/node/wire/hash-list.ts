/** Encodes tree hashes for the wire: 8 bytes each, one after the other. */
import type { TreeHash } from '../../core/repair/hash-tree.ts'

const HASH_BYTES = 8

export function encodeHashes(hashes: readonly TreeHash[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES)
  const view = new DataView(bytes.buffer)
  hashes.forEach(({ low, high }, i) => {
    view.setUint32(i * HASH_BYTES, low, true)
    view.setUint32(i * HASH_BYTES + 4, high, true)
  })
  return bytes
}

/** Throws on anything that `encodeHashes` does not produce. */
export function decodeHashes(bytes: unknown): TreeHash[] {
  if (!(bytes instanceof Uint8Array) || bytes.length % HASH_BYTES !== 0) {
    throw new Error('not a list of hashes')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, i) => ({
    low: view.getUint32(i * HASH_BYTES, true),
    high: view.getUint32(i * HASH_BYTES + 4, true),
  }))
}
