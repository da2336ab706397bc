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

/** The body of a request may come long after its head, and after the heads of others. */
const parts = fc.array(
  fc.record({
    passMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 }), fc.nat({ max: 5000 })),
    /** Of a request whose head has passed; 0 for the head of another request. */
    more: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 127 })),
  }),
)

test('in any time the requests that pass are bounded, further work among them', () => {
  fc.assert(
    fc.property(rates, parts, (perSecond, arrived) => {
      const rate = new RequestRate(perSecond, 0)
      const passed: { ms: number; cost: number; isHead: boolean }[] = []
      let nowMs = 0
      let heads = 0
      for (const { passMs, more } of arrived) {
        nowMs += passMs
        const isHead = more === 0 || heads === 0
        if (!isHead) heads--
        if ((isHead ? rate.take(nowMs) : rate.owe(more, nowMs)) > 0) continue
        if (isHead) heads++
        passed.push({ ms: nowMs, cost: isHead ? 1 : more, isHead })
      }
      for (const [i, first] of passed.entries()) {
        let cost = 0
        for (const { ms, cost: own, isHead } of passed.slice(i)) {
          // Only further work may exceed the bound; the next one waits for that.
          const most = perSecond * ((ms - first.ms) / 1000 + 1)
          expect(cost + (isHead ? 1 : 0)).toBeLessThanOrEqual(most + 1e-3)
          cost += own
        }
      }
    }),
  )
})

test('among requests whose heads have passed, one does more work than the rate', () => {
  const rate = new RequestRate(5, 0)
  for (let i = 0; i < 5; i++) expect(rate.take(0)).toBe(0)
  expect(rate.owe(127, 0)).toBe(0)
  for (let i = 0; i < 4; i++) expect(rate.owe(127, 0)).toBe(25_600)
  // Nothing was owed for those.
  expect(rate.take(25_599)).toBe(1)
  expect(rate.take(25_600)).toBe(0)
  expect(rate.owe(127, 25_600)).toBe(0)
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
        if (waitMs === 0) expect(rate.owe(more, nowMs)).toBe(0)
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
