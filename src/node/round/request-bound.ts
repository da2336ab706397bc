/**
 * Bounds client requests: how many run at once, and how long each may take. A request is answered at its deadline, even
 * if its work has not ended. If the disk stalls, the work goes on and holds memory. So a request counts until its work
 * ends, and a full node accepts requests again once the disk answers. Requests that wait for a record which a stalled
 * disk is already reading are bounded in object-table.ts instead.
 */
import { QuorateError } from '../../core/errors.ts'
import { type Deadlines, inTime } from '../peers/deadlines.ts'
import { LAST_RESORT_MS, lateError } from './placed-request.ts'

export class RequestBound {
  readonly #deadlines: Deadlines
  readonly #workMax: number
  #work = 0
  #unanswered = 0
  #drained: (() => void) | undefined

  constructor(deadlines: Deadlines, workMax: number) {
    this.#deadlines = deadlines
    this.#workMax = workMax
  }

  /** Number of requests whose work has not ended. Some of them may have been answered. */
  get inflight(): number {
    return this.#work
  }

  /** Rejects with `overloaded`, with the error of `work`, or with an error of a passed deadline. */
  async run<T>(kind: 'read' | 'write', timeoutMs: number, work: () => Promise<T>): Promise<T> {
    if (this.#work >= this.#workMax) {
      const limit = `${this.#workMax} requests are in progress`
      throw new QuorateError('overloaded', limit, { retryAfterSeconds: 1 })
    }
    this.#unanswered++
    try {
      // Each mechanism also ends at the deadline, and its error is more precise. So this bound is a moment later.
      return await inTime(this.#deadlines, timeoutMs + LAST_RESORT_MS, this.#counted(work), () =>
        lateError(kind, timeoutMs),
      )
    } finally {
      this.#unanswered--
      if (this.#unanswered === 0) this.#drained?.()
    }
  }

  /** Resolves once every request is answered. */
  drained(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#work++
    try {
      return await work()
    } finally {
      this.#work--
    }
  }
}
