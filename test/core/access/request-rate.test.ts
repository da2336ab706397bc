/** A caller sends no more than its rate, and never waits for nothing. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestRate } from '../../../src/core/access/request-rate.ts'

const rates = fc.integer({ min: 1, max: 50 })
const steps = fc.array(
  fc.record({
    passMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5000 })),
    isPatient: fc.boolean(),
    more: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 127 })),
  }),
)

test('in any time the requests that pass are bounded, further work among them', () => {
  fc.assert(
    fc.property(rates, steps, (perSecond, asked) => {
      const rate = new RequestRate(perSecond, 0)
      const passed: { ms: number; cost: number }[] = []
      let nowMs = 0
      for (const { passMs, more } of asked) {
        nowMs += passMs
        if (rate.take(nowMs) > 0) continue
        rate.owe(more)
        passed.push({ ms: nowMs, cost: 1 + more })
      }
      for (const [i, first] of passed.entries()) {
        let cost = 0
        for (const { ms, cost: own } of passed.slice(i)) {
          // The last request may owe its work; the next one waits for that.
          const most = perSecond * ((ms - first.ms) / 1000 + 1)
          expect(cost + 1).toBeLessThanOrEqual(most + 1e-3)
          cost += own
        }
      }
    }),
  )
})

test('after the time that it was told to wait, a request passes', () => {
  fc.assert(
    fc.property(rates, steps, (perSecond, asked) => {
      const rate = new RequestRate(perSecond, 0)
      let nowMs = 0
      for (const { passMs, isPatient, more } of asked) {
        nowMs += passMs
        const waitMs = rate.take(nowMs)
        expect(Number.isInteger(waitMs) && waitMs >= 0).toBe(true)
        if (waitMs === 0) rate.owe(more)
        else if (isPatient) {
          nowMs += waitMs
          expect(rate.take(nowMs)).toBe(0)
        }
      }
    }),
  )
})

test('after a pause the requests of one second pass at once', () => {
  fc.assert(
    fc.property(rates, (perSecond) => {
      const rate = new RequestRate(perSecond, 0)
      for (let round = 1; round < 4; round++) {
        const passed = Array.from({ length: 2 * perSecond }, () => rate.take(round * 10_000))
        expect(passed.filter((ms) => ms === 0).length).toBe(perSecond)
      }
    }),
  )
})
