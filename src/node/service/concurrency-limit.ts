/**
 * Runs a bounded number of tasks at once. A bounded number of others waits, in order, each for a bounded time. Any
 * further task is refused at once, because finishing it late would delay the tasks that are still in time.
 */
import { QuorateError } from '../../core/errors.ts'
import type { Timers } from '../../ports/timers.ts'

export class ConcurrencyLimit {
  readonly #timers: Timers
  readonly #runningMax: number
  readonly #waitingMax: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor(ports: { timers: Timers }, runningMax: number, waitingMax: number) {
    this.#timers = ports.timers
    this.#runningMax = runningMax
    this.#waitingMax = waitingMax
  }

  /** Rejects with `overloaded` if the task was not started. */
  async run<T>(waitMsMax: number, task: () => Promise<T>): Promise<T> {
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
    if (this.#waiting.size >= this.#waitingMax) {
      throw overloaded(`${this.#running} are running and ${this.#waiting.size} are waiting`)
    }
    return new Promise((resolve, reject) => {
      const start = (): void => {
        this.#waiting.delete(start)
        timer.cancel()
        resolve()
      }
      const timer = this.#timers.after(Math.max(0, waitMsMax), () => {
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
