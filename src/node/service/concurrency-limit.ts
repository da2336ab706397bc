/**
 * Runs a bounded number of tasks at once. Without a bound, a handful of clients could use up the time that the cluster
 * needs for data requests. If tasks may wait, a bounded number of them waits, in order, each for a bounded time. Any
 * further task is refused at once, because finishing it late would delay the tasks that are still in time.
 */
import { QuorateError } from '../../core/errors.ts'
import type { Timers } from '../../ports/timers.ts'

/** How many tasks may wait for a slot. */
export interface Waiting {
  readonly max: number
  readonly timers: Timers
}

export class ConcurrencyLimit {
  readonly #runningMax: number
  readonly #allowed: Waiting | undefined
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor(runningMax: number, waiting?: Waiting) {
    this.#runningMax = runningMax
    this.#allowed = waiting
  }

  /** Rejects with `overloaded` if the task was not started. */
  async run<T>(task: () => Promise<T>, waitMsMax = 0): Promise<T> {
    if (this.#running >= this.#runningMax) await this.#turn(waitMsMax)
    else this.#running++
    try {
      return await task()
    } finally {
      const [next] = this.#waiting
      // A waiting task takes over the slot of the one that ends.
      if (next === undefined) this.#running--
      else next()
    }
  }

  #turn(waitMsMax: number): Promise<void> {
    const allowed = this.#allowed
    if (allowed === undefined || this.#waiting.size >= allowed.max) {
      const waiting = allowed === undefined ? '' : `, and ${this.#waiting.size} are waiting`
      throw overloaded(`${this.#running} requests of this kind are running here${waiting}`)
    }
    return new Promise((resolve, reject) => {
      const start = (): void => {
        this.#waiting.delete(start)
        timer.cancel()
        resolve()
      }
      const timer = allowed.timers.after(Math.max(0, waitMsMax), () => {
        this.#waiting.delete(start)
        reject(overloaded(`the request waited ${Math.round(waitMsMax)} ms for a free slot`))
      })
      this.#waiting.add(start)
    })
  }
}

function overloaded(message: string): QuorateError {
  return new QuorateError('overloaded', message, { retryAfterSeconds: 1 })
}
