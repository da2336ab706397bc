import { describe, expect, it } from 'vitest'
import { hashText } from '../../../src/core/hash/text-hash.ts'
import { xxh32 } from '../../../src/core/hash/xxh32.ts'

/** Of the reference implementation (github.com/Cyan4973/xxHash). */
const VECTORS: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0x02cc5d05],
  ['', 0x9e3779b1, 0x36b78ae7],
  ['a', 0, 0x550d7456],
  ['abc', 0, 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
]

describe('xxh32', () => {
  it.each(VECTORS)('gives the reference hash of %j with seed %i', (text, seed, hash) => {
    expect(xxh32(new TextEncoder().encode(text), seed)).toBe(hash)
  })

  it('changes with any flipped bit of a kilobyte', () => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => (i * 7) % 256)
    const hash = xxh32(bytes)
    for (let bit = 0; bit < 1024 * 8; bit += 13) {
      const damaged = bytes.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(xxh32(damaged)).not.toBe(hash)
    }
  })
})

describe('text hash', () => {
  it.each(['', 'plain', 'schön', '日本語', '🂡 astral', 'x'.repeat(5000), `${'y'.repeat(2047)}é`])(
    'is the hash of the UTF-8 bytes',
    (text) => {
      expect(hashText(text)).toBe(xxh32(new TextEncoder().encode(text)))
    },
  )
})
