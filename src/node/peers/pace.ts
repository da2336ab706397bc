/** Limits the rate of background work, so that convergence does not slow down client requests. */
import type { Clock } from '../../ports/clock.ts'
import type { Timers } from '../../ports/timers.ts'

/** Shorter waits are added up, because a timer for each of thousands of keys would cost more than the work itself. */
const PAUSE_MS_MIN = 50

/**
 * Lets `perSecond` callers through in each second, on average since this object was made. Make one for each run: after
 * a break, the callers would catch up all at once.
 */
export class Pace {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #perSecond: number
  readonly #startMs: number
  #taken = 0

  constructor(clock: Clock, timers: Timers, perSecond: number) {
    this.#perSecond = perSecond
    this.#clock = clock
    this.#timers = timers
    this.#startMs = clock.monotonicMs()
  }

  async take(): Promise<void> {
    this.#taken++
    const dueMs = (this.#taken / this.#perSecond) * 1000
    const aheadMs = dueMs - (this.#clock.monotonicMs() - this.#startMs)
    if (aheadMs < PAUSE_MS_MIN) return
    await new Promise<void>((resolve) => void this.#timers.after(aheadMs, resolve))
  }
}
