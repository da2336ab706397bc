import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AgreedTime } from '../../../src/core/causality/agreed-time.ts'
import { TIMESTAMP_EPOCH_MS, timestampOf } from '../../../src/core/causality/hybrid-clock.ts'

const MAX_DRIFT_MS = 500
const ROUND_MS = 200
const ROUNDS = 10
/** Clocks that are set right differ by less than this. */
const WALL_ERROR_MS = 5

it('comes within the allowed drift of every other member, whatever the corrections were', () => {
  const member = fc.record({
    aheadMs: fc.integer({ min: 1, max: 3 * MAX_DRIFT_MS }),
    wallErrorMs: fc.nat({ max: WALL_ERROR_MS }),
  })
  fc.assert(
    fc.property(fc.array(member, { minLength: 3, maxLength: 7 }), (members) => {
      const startMs = TIMESTAMP_EPOCH_MS + 1_000_000
      const times = members.map(
        ({ aheadMs }) => new AgreedTime(MAX_DRIFT_MS, { aheadMs, sinceMs: startMs }),
      )
      const nameOf = (n: number): string => `n${n}`
      times.forEach((time, n) =>
        time.setPeers(members.map((_, i) => nameOf(i)).filter((name) => name !== nameOf(n))),
      )
      const timesAt = (nowMs: number): number[] =>
        times.map((time, n) => {
          const wallMs = nowMs + (members[n] as { wallErrorMs: number }).wallErrorMs
          return wallMs + time.aheadMs(wallMs)
        })
      for (let round = 0; round < ROUNDS; round++) {
        const nowMs = startMs + round * ROUND_MS
        const told = timesAt(nowMs)
        times.forEach((time, n) => {
          const wallMs = nowMs + (members[n] as { wallErrorMs: number }).wallErrorMs
          const clocks = { wallMs, monotonicMs: nowMs, lastMs: told[n] as number }
          told.forEach((timeMs, i) => {
            if (i !== n) time.hear(nameOf(i), timestampOf(timeMs), timeMs, clocks)
          })
          time.align(clocks)
        })
      }
      const reached = timesAt(startMs + ROUNDS * ROUND_MS)
      expect(Math.max(...reached) - Math.min(...reached)).toBeLessThan(MAX_DRIFT_MS)
    }),
    { numRuns: 1000, seed: 20_261_129 },
  )
})

it.each([200, 300, 370])('does not go down for ever if messages take %i ms', (messageMs) => {
  const startMs = TIMESTAMP_EPOCH_MS + 1_000_000
  const [lowMs, highMs] = [10_000, 10_000 + MAX_DRIFT_MS - 50]
  const times = [lowMs, highMs].map(
    (aheadMs) => new AgreedTime(MAX_DRIFT_MS, { aheadMs, sinceMs: startMs }),
  ) as [AgreedTime, AgreedTime]
  times[0].setPeers(['n1'])
  times[1].setPeers(['n0'])
  const sentAt = (nowMs: number): number[] => times.map((time) => nowMs + time.aheadMs(nowMs))
  let underWay = sentAt(startMs)
  for (let round = 1; round <= 100; round++) {
    const nowMs = startMs + round * messageMs
    const arriving = underWay
    underWay = sentAt(nowMs)
    times.forEach((time, n) => {
      const timeMs = arriving[1 - n] as number
      const clocks = { wallMs: nowMs, monotonicMs: nowMs, lastMs: underWay[n] as number }
      time.hear(`n${1 - n}`, timestampOf(timeMs), timeMs, clocks)
      time.align(clocks)
    })
  }
  const nowMs = startMs + 100 * messageMs
  for (const time of times) expect(time.aheadMs(nowMs)).toBeGreaterThan(lowMs - MAX_DRIFT_MS)
})
