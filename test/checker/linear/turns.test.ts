import { expect, test } from 'vitest'
import type { Limits } from '../../../src/checker/linear/outcome.ts'
import { takeTurns } from '../../../src/checker/linear/turns.ts'

/** Objects that need so many milliseconds each; what is decided, in which order. */
function decided(
  needsMs: readonly number[],
  timeMs: number,
  isSettledBy?: number,
): { readonly done: readonly number[]; readonly left: readonly number[]; readonly tookMs: number } {
  let now = 0
  const done: number[] = []
  const limits: Limits = { memoBytesMax: 0, deadlineMs: timeMs, nowMs: () => now }
  const left = takeTurns(
    needsMs,
    (needed, { deadlineMs }) => {
      const spent = Math.min(needed, Math.max(0, deadlineMs - now) + 1)
      now += spent
      if (spent < needed) return true
      done.push(needed)
      return false
    },
    limits,
    () => isSettledBy !== undefined && done.includes(isSettledBy),
  )
  return { done, left, tookMs: now }
}

test('an easy object does not wait for a hard one', () => {
  const { done, left, tookMs } = decided([100_000, 20, 30], 60_000)
  expect(done).toEqual([20, 30])
  expect(left).toEqual([100_000])
  expect(tookMs).toBeLessThan(60_010)
})

test('a hard object gets a longer turn within the time limit', () => {
  expect(decided([40_000, 20, 2000], 60_000)).toMatchObject({ done: [20, 2000, 40_000], left: [] })
})

test('no new turn begins once the result is settled', () => {
  const { left, tookMs } = decided([100_000, 20], 60_000, 20)
  expect(left).toEqual([100_000])
  expect(tookMs).toBeLessThan(1000)
})
