import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import type { Encodable } from '../../src/ports/codec.ts'

const { data } = fc.letrec<{ data: Encodable }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array(),
    fc.array(tie('data')),
  ),
}))

describe('codec', () => {
  it('gives back what it was given, and equal bytes for equal data', () => {
    fc.assert(
      fc.property(data, (given) => {
        const encoded = msgpackCodec.encode(given)
        expect(plain(msgpackCodec.decode(encoded))).toEqual(plain(given))
        expect(Buffer.compare(encoded, msgpackCodec.encode(structuredClone(given)))).toBe(0)
      }),
      { numRuns: 500, seed: 20_261_123 },
    )
  })

  it('keeps the timestamps of the next decades exactly', () => {
    for (const timestamp of [2 ** 32, 2 ** 41 * 4096 - 1, Number.MAX_SAFE_INTEGER]) {
      expect(msgpackCodec.decode(msgpackCodec.encode([timestamp]))).toEqual([timestamp])
    }
  })

  it('refuses what is cut short, goes on too long, or holds extensions', () => {
    const whole = msgpackCodec.encode(['apply', 1, new Uint8Array(100)])
    expect(() => msgpackCodec.decode(whole.subarray(0, 50))).toThrow(/whole/)
    expect(() => msgpackCodec.decode(Buffer.concat([whole, Uint8Array.of(1)]))).toThrow(/whole/)
    expect(() => msgpackCodec.decode(Uint8Array.of(0xd4, 0x01, 0x0a))).toThrow(/whole/)
  })

  it('never throws anything but an error on garbage, and never quotes it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        try {
          msgpackCodec.decode(garbage)
        } catch (error) {
          expect((error as Error).message).toBe('not one whole MessagePack value')
        }
      }),
      { numRuns: 2000, seed: 20_261_123 },
    )
  })
})

/** Byte strings come back as views of another class. */
function plain(value: Encodable): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] }
  return Array.isArray(value) ? value.map((item) => plain(item as Encodable)) : value
}
