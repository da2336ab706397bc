import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/system-clock.ts'
import { systemRandom } from '../../../src/adapters/system/system-random.ts'
import { systemTimers } from '../../../src/adapters/system/system-timers.ts'

describe('system ports', () => {
  it('never calls a cancelled task', async () => {
    const called: string[] = []
    const ended = Promise.withResolvers<void>()
    systemTimers.after(1, () => called.push('cancelled')).cancel()
    const interval = systemTimers.every(1, () => {
      called.push('every')
      interval.cancel()
      interval.cancel()
      systemTimers.after(5, ended.resolve)
    })
    await ended.promise
    expect(called).toEqual(['every'])
  })

  it('calls soon after this turn, in order', async () => {
    const called: string[] = []
    const ended = Promise.withResolvers<void>()
    systemTimers.soon(() => called.push('first'))
    systemTimers.soon(() => {
      called.push('second')
      ended.resolve()
    })
    await Promise.resolve()
    called.push('this turn')
    await ended.promise
    expect(called).toEqual(['this turn', 'first', 'second'])
  })

  it('has a clock that does not go back, and chance within its bounds', () => {
    const before = systemClock.monotonicMs()
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before)
    expect(systemRandom.below(1)).toBe(0)
    const seen = new Set(Array.from({ length: 200 }, () => systemRandom.below(3)))
    expect(seen).toEqual(new Set([0, 1, 2]))
    expect(systemRandom.below(2 ** 32)).toBeLessThan(2 ** 32)
  })
})
