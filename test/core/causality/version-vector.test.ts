import { describe, expect, it } from 'vitest'
import {
  dominates,
  equalVectors,
  joinVectors,
  type VersionVector,
} from '../../../src/core/causality/version-vector.ts'

const vector = (entries: Record<string, number>): VersionVector => new Map(Object.entries(entries))

describe('version vectors', () => {
  it('are equal only with the same timestamps, not where one is ahead', () => {
    const older = vector({ n1: 3, n2: 5 })
    const newer = vector({ n1: 4, n2: 5 })
    expect(equalVectors(older, vector({ n2: 5, n1: 3 }))).toBe(true)
    expect(equalVectors(newer, older)).toBe(false)
    expect(equalVectors(older, newer)).toBe(false)
    expect(equalVectors(older, vector({ n1: 3 }))).toBe(false)
    expect(equalVectors(older, vector({ n1: 3, n3: 5 }))).toBe(false)
  })

  it('dominate what they cover', () => {
    expect(dominates(vector({ n1: 4, n2: 5 }), vector({ n1: 3 }))).toBe(true)
    expect(dominates(vector({ n1: 3 }), vector({ n1: 4 }))).toBe(false)
    expect(dominates(vector({ n1: 3 }), vector({ n2: 1 }))).toBe(false)
  })

  it('are joined entry by entry; one that adds nothing leaves the other itself', () => {
    const held = vector({ n1: 3, n2: 5 })
    expect(joinVectors(held, vector({ n1: 2 }))).toBe(held)
    expect(joinVectors(held, vector({ n1: 7, n3: 1 }))).toEqual(vector({ n1: 7, n2: 5, n3: 1 }))
  })
})
