import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FRAME_BYTES_MAX,
  frameHeader,
  FrameReader,
} from '../../../src/adapters/peer-network/frame-stream.ts'

describe('frame stream', () => {
  it('gives the same frames however the bytes were cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (frames, chunkLengths) => {
          const got: number[][] = []
          const reader = new FrameReader((frame) => got.push([...frame]))
          const stream = Buffer.concat(
            frames.flatMap((frame) => [frameHeader(frame.length), Buffer.from(frame)]),
          )
          for (let position = 0, i = 0; position < stream.length; i++) {
            const length = chunkLengths[i % chunkLengths.length] as number
            reader.push(stream.subarray(position, position + length))
            position += length
          }
          expect(got).toEqual(frames.map((frame) => [...frame]))
        },
      ),
      { seed: 20_261_123 },
    )
  })

  it('refuses a length that no peer sends, before it waits for the bytes', () => {
    const reader = new FrameReader(() => undefined)
    expect(() => reader.push(frameHeader(FRAME_BYTES_MAX))).not.toThrow()
    const other = new FrameReader(() => undefined)
    expect(() => other.push(frameHeader(FRAME_BYTES_MAX + 1))).toThrow(/bytes/)
  })
})
