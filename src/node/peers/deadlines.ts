/**
 * Many short waits under one timer. Every request and every ask has a deadline; a timer of its own for each
 * would cost more than the work it guards, so due ones are found by a sweep every few milliseconds.
 *
 * A task never runs early, and at most `SWEEP_INTERVAL_MS` (and a busy event loop) late.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Timer, Timers } from '../../ports/timers.ts'

export const SWEEP_INTERVAL_MS = 10

export interface Deadline {
  readonly atMs: number
  readonly task: () => void
}

export class Deadlines {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #waiting = new Set<Deadline>()
  #sweep: Timer | undefined

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  /** Runs `task` once `delayMs` have passed, unless the result is given to `cancel` before. */
  in(delayMs: number, task: () => void): Deadline {
    const deadline = { atMs: this.#clock.monotonicMs() + delayMs, task }
    this.#waiting.add(deadline)
    this.#sweep ??= this.#timers.every(SWEEP_INTERVAL_MS, () => this.#run())
    return deadline
  }

  /** Idempotent. */
  cancel(deadline: Deadline): void {
    this.#waiting.delete(deadline)
  }

  stop(): void {
    this.#sweep?.cancel()
    this.#sweep = undefined
    this.#waiting.clear()
  }

  #run(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const deadline of this.#waiting) {
      if (deadline.atMs > nowMs) continue
      this.#waiting.delete(deadline)
      deadline.task()
    }
    // An idle node has no sweep: the timer goes with the last wait.
    if (this.#waiting.size === 0) {
      this.#sweep?.cancel()
      this.#sweep = undefined
    }
  }
}

/** What `running` ends with; rejects with `late` where that takes longer than `forMs`. A later result is ignored. */
export function inTime<T>(
  deadlines: Deadlines,
  forMs: number,
  running: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = deadlines.in(forMs, () => reject(late()))
    void running.then(resolve, reject).finally(() => deadlines.cancel(end))
  })
}
