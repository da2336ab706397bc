import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Pace } from '../../../src/node/peers/pace.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'

const RUNS = { numRuns: 40, seed: 20_261_123 }

/** Virtual time: when each of `takers` was let through, in ms, all of them taking one after the other. */
async function times(perSecond: number, takers: number, each: number): Promise<number[]> {
  const schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  const pace = new Pace(host, host.timers(), perSecond)
  const passed: number[] = []
  const total = takers * each
  const take = async (): Promise<void> => {
    for (let i = 0; i < each; i++) {
      await pace.take()
      passed.push(schedule.nowUs / 1000)
    }
  }
  const all = Promise.all(Array.from({ length: takers }, take))
  await runSchedule(schedule, 3_600_000_000, () => passed.length === total)
  await all
  return passed
}

describe('pace', () => {
  const settings = fc.record({
    perSecond: fc.integer({ min: 1, max: 5000 }),
    takers: fc.integer({ min: 1, max: 8 }),
    each: fc.integer({ min: 1, max: 40 }),
  })

  it('lets through no more than its rate, but for what one short wait may save up', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ perSecond, takers, each }) => {
        const passed = await times(perSecond, takers, each)
        passed.forEach((atMs, i) => {
          // Waits of less than 50 ms are left out: so many may be ahead.
          expect(i + 1).toBeLessThanOrEqual(((atMs + 50) / 1000) * perSecond + 1e-6)
        })
      }),
      RUNS,
    )
  })

  it('lets everybody through in the end, and keeps nobody longer than the rate demands', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ perSecond, takers, each }) => {
        const passed = await times(perSecond, takers, each)
        expect(passed).toHaveLength(takers * each)
        const dueMs = (passed.length / perSecond) * 1000
        expect(passed.at(-1)).toBeLessThanOrEqual(dueMs + 1)
      }),
      RUNS,
    )
  })
})
