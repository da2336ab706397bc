import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { DEPTH_MAX } from '../../../src/adapters/codec/plain-msgpack.ts'
import type { Encodable } from '../../../src/ports/codec.ts'

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

  it('refuses what is cut short at any byte, or goes on too long', () => {
    const whole = msgpackCodec.encode(['apply', 2 ** 40, 1.5, null, new Uint8Array(300), ['x', []]])
    for (let length = 0; length < whole.length; length++) {
      expect(() => msgpackCodec.decode(whole.subarray(0, length))).toThrow(/whole/)
    }
    expect(() => msgpackCodec.decode(Buffer.concat([whole, Uint8Array.of(1)]))).toThrow(/whole/)
  })

  it.each([
    ['a map', [0x81, 0xa1, 0x61, 0x01]],
    ['a map in an array', [0x91, 0x81, 0xa1, 0x61, 0x01]],
    ['undefined', [0xd4, 0x00, 0x00]],
    ['a date', [0xd6, 0xff, 0, 0, 0, 1]],
    ['a regular expression', [0xc7, 0, 0x78, 0x92, 0xa1, 0x61, 0xa1, 0x67]],
    ['a class', [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x05]],
    ['a byte without a meaning', [0xc1]],
    ['not a number', [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['an infinite number', [0xca, 0xff, 0x80, 0, 0]],
    ['an integer that a number cannot hold', [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0]],
    ['an array longer than its bytes', [0xdd, 0x01, 0xc9, 0xc3, 0x80, 0x01]],
    ['a string longer than its bytes', [0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61]],
    ['arrays too deep', [...Array<number>(100_000).fill(0x91), 1]],
  ])('refuses %s', (_what, bytes) => {
    expect(() => msgpackCodec.decode(Uint8Array.from(bytes))).toThrow(/plain data/)
  })

  it('takes arrays as deep as its limit', () => {
    let deep: Encodable = 1
    for (let depth = 0; depth < DEPTH_MAX; depth++) deep = [deep]
    expect(msgpackCodec.decode(msgpackCodec.encode(deep))).toEqual(deep)
    expect(() => msgpackCodec.decode(msgpackCodec.encode([deep]))).toThrow(/plain data/)
  })

  it('never writes to a result again', () => {
    const kept: { result: Uint8Array; copy: Uint8Array }[] = []
    for (let i = 0; i < 2000; i++) {
      const result = msgpackCodec.encode([i, new Uint8Array((i * 37) % 5000).fill(i)])
      kept.push({ result, copy: result.slice() })
    }
    expect(kept.every(({ result, copy }) => Buffer.compare(result, copy) === 0)).toBe(true)
  })

  it('does not let a small result keep a large buffer, not even after a large message', () => {
    msgpackCodec.encode([new Uint8Array(4 * 1024 * 1024)])
    expect(msgpackCodec.encode([1]).buffer.byteLength).toBeLessThanOrEqual(128 * 1024)
  })

  it('never throws anything but an error on garbage, and never quotes it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        try {
          msgpackCodec.decode(garbage)
        } catch (error) {
          expect((error as Error).message).toBe('not one whole MessagePack value of plain data')
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
