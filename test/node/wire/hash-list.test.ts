import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { decodeHashes, encodeHashes } from '../../../src/node/wire/hash-list.ts'

const RUNS = { numRuns: 300, seed: 20_261_123 }

const word = fc.nat({ max: 0xffff_ffff })
const hashes = fc.array(fc.record({ low: word, high: word }), { maxLength: 40 })

describe('list of hashes', () => {
  it('arrives as it was sent, 8 bytes a hash', () => {
    fc.assert(
      fc.property(hashes, (list) => {
        const bytes = encodeHashes(list)
        expect(bytes).toHaveLength(8 * list.length)
        // Through the codec: then the bytes are a view into a frame, at any offset.
        expect(decodeHashes(msgpackCodec.decode(msgpackCodec.encode(bytes)))).toEqual(list)
        const frame = new Uint8Array(bytes.length + 3)
        frame.set(bytes, 3)
        expect(decodeHashes(frame.subarray(3))).toEqual(list)
      }),
      RUNS,
    )
  })

  it('is refused where it is not one', () => {
    const garbage = [undefined, null, 0, '12345678', [], [1, 2], true]
    for (const data of garbage) expect(() => decodeHashes(data)).toThrow('not a list of hashes')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        fc.pre(bytes.length % 8 !== 0)
        expect(() => decodeHashes(bytes)).toThrow('not a list of hashes')
      }),
      RUNS,
    )
  })
})
