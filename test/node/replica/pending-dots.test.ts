import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PendingDot, PendingDots } from '../../../src/node/replica/pending-dots.ts'

const RUNS = { numRuns: 300, seed: 20_261_123 }

describe('lowest pending dot', () => {
  it('is none before the first', () => {
    expect(new PendingDots().lowest()).toBe(Infinity)
  })

  it('is that of the oldest write that somebody still works on', () => {
    const steps = fc.array(
      fc.oneof(
        fc.constant({ type: 'begin' as const }),
        fc.record({ type: fc.constantFrom('hold' as const, 'release' as const), which: fc.nat() }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        const pending = new PendingDots()
        const held: { dot: PendingDot; holders: number }[] = []
        taken.forEach((step, i) => {
          if (step.type === 'begin') {
            held.push({ dot: pending.begin(i + 1), holders: 1 })
          } else {
            const working = held.filter(({ holders }) => holders > 0)
            const one = working[step.which % working.length]
            if (one === undefined) return
            one.dot[step.type]()
            one.holders += step.type === 'hold' ? 1 : -1
          }
          const open = held.filter(({ holders }) => holders > 0)
          const lowest = Math.min(...open.map(({ dot }) => dot.timestamp))
          expect(pending.lowest()).toBe(lowest)
        })
      }),
      RUNS,
    )
  })
})
