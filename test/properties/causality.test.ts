/** The laws of merging, on objects that random runs of replicas bring about. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareDots } from '../../src/core/causality/dot.ts'
import {
  type MergeMode,
  merge,
  type StoredObject,
  uncoveredDots,
} from '../../src/core/causality/stored-object.ts'
import { covers } from '../../src/core/causality/version-vector.ts'
import { canonical, run, steps } from './replica-runs.ts'

const RUNS = { numRuns: 500, seed: 20_261_123 }
const MODES: readonly MergeMode[] = ['siblings', 'lww']

/** Three objects of one run. */
function trio(mode: MergeMode): fc.Arbitrary<[StoredObject, StoredObject, StoredObject]> {
  return fc.tuple(steps, fc.nat(), fc.nat(), fc.nat()).map(([taken, a, b, c]) => {
    const seen = run(mode, taken)
    const pick = (n: number): StoredObject => seen[n % seen.length] as StoredObject
    return [pick(a), pick(b), pick(c)]
  })
}

describe.each(MODES)('merge of mode %s', (mode) => {
  it('is commutative', () => {
    fc.assert(
      fc.property(trio(mode), ([a, b]) => {
        expect(canonical(merge(mode, a, b))).toEqual(canonical(merge(mode, b, a)))
      }),
      RUNS,
    )
  })

  it('is associative', () => {
    fc.assert(
      fc.property(trio(mode), ([a, b, c]) => {
        const left = merge(mode, merge(mode, a, b), c)
        expect(canonical(left)).toEqual(canonical(merge(mode, a, merge(mode, b, c))))
      }),
      RUNS,
    )
  })

  it('is idempotent, and gives back the same object where there is nothing new', () => {
    fc.assert(
      fc.property(trio(mode), ([a, b]) => {
        const merged = merge(mode, a, b)
        expect(merge(mode, merged, b)).toBe(merged)
        expect(merge(mode, a, a)).toBe(a)
      }),
      RUNS,
    )
  })

  it('keeps the siblings in the order of their dots, each once', () => {
    fc.assert(
      fc.property(trio(mode), ([a, b]) => {
        const { siblings } = merge(mode, a, b)
        siblings.slice(1).forEach((sibling, i) => {
          expect(compareDots(siblings[i] as (typeof siblings)[0], sibling)).toBeLessThan(0)
        })
      }),
      RUNS,
    )
  })
})

describe('merge of siblings', () => {
  it('never loses a dot that the other side does not cover', () => {
    fc.assert(
      fc.property(trio('siblings'), ([a, b]) => {
        const merged = merge('siblings', a, b)
        const kept = new Set(merged.siblings.map((s) => `${s.actor}@${s.timestamp}`))
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          for (const dot of uncoveredDots(one, other.vector)) {
            expect(kept).toContain(`${dot.actor}@${dot.timestamp}`)
          }
        }
      }),
      RUNS,
    )
  })

  it('has a vector that covers every sibling', () => {
    fc.assert(
      fc.property(trio('siblings'), ([a, b]) => {
        const { vector, siblings } = merge('siblings', a, b)
        expect(siblings.every((sibling) => covers(vector, sibling))).toBe(true)
      }),
      RUNS,
    )
  })
})
