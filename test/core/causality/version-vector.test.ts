import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  covers,
  dominates,
  equalVectors,
  joinDot,
  joinVectors,
  vectorOf,
  type VersionVector,
} from '../../../src/core/causality/version-vector.ts'

const vector = (entries: Record<string, number>): VersionVector => vectorOf(Object.entries(entries))

const entries = fc.dictionary(
  fc.constantFrom('n1', 'n10', 'n2', 'n3', 'é'),
  fc.integer({ min: 1, max: 4 }),
)
const model = (of: VersionVector): Map<string, number> => new Map(of)

describe('version vectors', () => {
  it('hold what a map would hold, sorted by actor', () => {
    fc.assert(
      fc.property(entries, entries, (left, right) => {
        const [a, b] = [vector(left), vector(right)]
        const all = [...new Set([...Object.keys(left), ...Object.keys(right)])]
        const joined = all.map((actor): [string, number] => [
          actor,
          Math.max(left[actor] ?? 0, right[actor] ?? 0),
        ])
        expect(model(joinVectors(a, b))).toEqual(
          new Map(joined.sort(([x], [y]) => (x < y ? -1 : 1))),
        )
        expect(joinVectors(a, b).actors()).toEqual(all.sort())
        expect(equalVectors(joinVectors(a, b), joinVectors(b, a))).toBe(true)
        expect(dominates(a, b)).toBe(
          all.every((actor) => (left[actor] ?? 0) >= (right[actor] ?? 0)),
        )
        expect(equalVectors(a, b)).toBe(dominates(a, b) && dominates(b, a))
        expect(a.newest).toBe(Math.max(0, ...Object.values(left)))
        expect(a.size).toBe(Object.keys(left).length)
        for (const actor of all) {
          const dot = { actor, timestamp: 2 }
          expect(a.get(actor)).toBe(left[actor])
          expect(covers(a, dot)).toBe((left[actor] ?? 0) >= 2)
          expect(covers(joinDot(a, dot), dot)).toBe(true)
        }
        const kept = a.filter((_, timestamp) => timestamp > 1)
        expect(model(kept)).toEqual(new Map([...a].filter(([, timestamp]) => timestamp > 1)))
        expect(kept === a).toBe(Object.values(left).every((timestamp) => timestamp > 1))
      }),
    )
  })

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
