/** The position of a watch as a token: it comes back as it was, and no other text is taken for one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePosition, encodePosition } from '../../../src/api/tokens/watch-token.ts'
import { PARTITION_COUNT } from '../../../src/core/placement/topology.ts'
import type { Position } from '../../../src/core/watch/position.ts'

const RUNS = { numRuns: 200, seed: 20_261_130 }

const place = fc.record({
  node: fc.stringMatching(/^[a-z0-9-]{1,32}$/),
  life: fc.maxSafeNat(),
  sequence: fc.maxSafeNat(),
})

/** Each data partition is in one feed or in none. */
const positions: fc.Arbitrary<Position> = fc
  .record({
    feeds: fc.array(place, { maxLength: 20 }),
    marks: fc.array(place, { maxLength: 9 }),
    choice: fc.array(fc.nat({ max: 20 }), {
      minLength: PARTITION_COUNT,
      maxLength: PARTITION_COUNT,
    }),
  })
  .map(({ feeds, marks, choice }) => ({
    feeds: feeds.map((feed, i) => ({
      ...feed,
      partitions: choice.flatMap((feedAt, partition) => (feedAt === i ? [partition] : [])),
    })),
    marks,
  }))

describe('the position of a watch', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(positions, (position) => {
        expect(decodePosition(encodePosition(position, 'carts'), 'carts')).toEqual(position)
      }),
      RUNS,
    )
  })

  it('belongs to its bucket', () => {
    const token = encodePosition({ feeds: [], marks: [] }, 'carts')
    expect(decodePosition(token, 'default')).toBeUndefined()
  })

  it('stays below 2 KiB with nine members whose names are as long as they may be', () => {
    const places = Array.from({ length: 9 }, (_, i) => ({
      node: `${i}${'n'.repeat(31)}`,
      life: 2 ** 52 - 1,
      sequence: 2 ** 40,
    }))
    const feeds = places.map((feed, i) => ({ ...feed, partitions: [i] }))
    expect(encodePosition({ feeds, marks: places }, 'carts').length).toBeLessThan(2048)
  })

  it('is not taken when a byte has changed, or is missing', () => {
    fc.assert(
      fc.property(positions, fc.nat(), fc.integer({ min: 1, max: 255 }), (position, at, by) => {
        const bytes = Buffer.from(encodePosition(position, 'carts'), 'base64url')
        const changed = Buffer.from(bytes)
        const i = at % bytes.length
        changed[i] = (changed[i] as number) ^ by
        expect(decodePosition(changed.toString('base64url'), 'carts')).toBeUndefined()
        const short = bytes.subarray(0, i).toString('base64url')
        expect(decodePosition(short, 'carts')).toBeUndefined()
      }),
      RUNS,
    )
  })

  it.each(['', '0', 'x', '7', 'ä'.repeat(20), 'A'.repeat(5000)])('is not %j', (text) => {
    expect(decodePosition(text, 'carts')).toBeUndefined()
  })
})
