/** No refusal is lost: each has a line, or is counted. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RefusalQuota } from '../../../src/api/gate/refusal-quota.ts'

test('each refusal has a line or is counted, and no second has more lines than the quota', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.record({ passMs: fc.integer({ min: 0, max: 700 }), isAsked: fc.boolean() })),
      (perSecond, steps) => {
        const quota = new RefusalQuota(perSecond)
        const linesMs: number[] = []
        let nowMs = 0
        let more = 0
        for (const { passMs, isAsked } of steps) {
          nowMs += passMs
          if (quota.take(nowMs)) linesMs.push(nowMs)
          if (isAsked) more += quota.takeMore()
        }
        more += quota.takeMore()
        expect(linesMs.length + more).toBe(steps.length)
        expect(quota.takeMore()).toBe(0)
        // Two windows may touch a second.
        for (const from of linesMs) {
          const near = linesMs.filter((ms) => ms >= from && ms < from + 1000)
          expect(near.length).toBeLessThanOrEqual(2 * perSecond)
        }
      },
    ),
  )
})
