/**
 * Runs many short timeouts with one timer. Every client request and every request to a peer has a deadline, and a timer
 * for each would cost more than the work that it guards. So a sweep every few milliseconds finds the tasks that are due.
 *
 * A task never runs early. It runs at most `SWEEP_INTERVAL_MS` late, unless the event loop is busy.
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

  /** Runs `task` after `delayMs`, unless `cancel` is called with the result before. */
  in(delayMs: number, task: () => void): Deadline {
    const deadline = { atMs: this.#clock.monotonicMs() + delayMs, task }
    this.#waiting.add(deadline)
    this.#sweep ??= this.#timers.every(SWEEP_INTERVAL_MS, () => this.#run())
    return deadline
  }

  /** Does nothing if the task has run or was cancelled. */
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
    // An idle node has no sweep: the timer ends with the last task.
    if (this.#waiting.size === 0) {
      this.#sweep?.cancel()
      this.#sweep = undefined
    }
  }
}

/** Settles like `running`, or rejects with `late` after `forMs`. Ignores a later result. */
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
