/** Lets virtual time run by itself while a test waits on promises, as suites for real implementations do. */
import { afterEach, beforeEach } from 'vitest'
import { Schedule } from '../../../src/simulation/world/schedule.ts'

export function runningSchedule(): () => Schedule {
  let schedule = new Schedule()
  let isRunning = false
  beforeEach(() => {
    schedule = new Schedule()
    isRunning = true
    const step = (): void => {
      if (!isRunning) return
      schedule.runNext(Infinity)
      setImmediate(step)
    }
    step()
  })
  afterEach(() => {
    isRunning = false
  })
  return () => schedule
}
