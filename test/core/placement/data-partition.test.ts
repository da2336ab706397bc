import { describe, expect, it } from 'vitest'
import { partitionOf } from '../../../src/core/placement/data-partition.ts'
import { PARTITION_COUNT } from '../../../src/core/placement/topology.ts'

const KEYS = 128_000

/** Sum of (seen - expected)² / expected; about the number of partitions for an even spread. */
function chiSquare(keyOf: (i: number) => string): number {
  const seen = Array.from({ length: PARTITION_COUNT }, () => 0)
  for (let i = 0; i < KEYS; i++) {
    const partition = partitionOf('default', keyOf(i))
    seen[partition] = (seen[partition] as number) + 1
  }
  const expected = KEYS / PARTITION_COUNT
  return seen.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('data partition', () => {
  it.each([
    ['numbers', (i: number) => String(i)],
    ['padded numbers', (i: number) => `user:${String(i).padStart(12, '0')}`],
    ['paths', (i: number) => `/a/${i % 10}/b/${i >> 4}/${i}`],
    ['text beyond ASCII', (i: number) => `ключ-${i}`],
  ])('spreads keys that are %s evenly', (_, keyOf) => {
    // 127 degrees of freedom: mean 127, standard deviation 16; above 207 lies one spread in a million.
    expect(chiSquare(keyOf)).toBeLessThan(207)
  })

  it('spreads one key over the buckets', () => {
    const buckets = Array.from({ length: 1000 }, (_, i) => partitionOf(`b${i}`, 'key'))
    expect(new Set(buckets).size).toBeGreaterThan(PARTITION_COUNT * 0.95)
  })

  it('never changes: these keys lie where the first release put them', () => {
    expect(['a', 'user:1', 'schön'].map((key) => partitionOf('default', key))).toEqual([48, 74, 28])
  })
})
