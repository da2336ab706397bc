/**
 * Bounds the requests of clients: how many are worked on at once, and the time until each is answered. A request is
 * answered at its deadline, whatever its work does; but where the disk stalls, its work may go on, and holds memory. So
 * it counts until the work ends, and the node takes requests again when the disk answers. (What waits for a record that
 * a stalled disk was asked for already is not counted here: object-table.ts.)
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

  /** Requests whose work goes on, answered or not. */
  get inflight(): number {
    return this.#work
  }

  /** Rejects with overloaded, with what `work` rejects with, or where it takes too long. */
  async run<T>(kind: 'read' | 'write', timeoutMs: number, work: () => Promise<T>): Promise<T> {
    if (this.#work >= this.#workMax) {
      const limit = `${this.#workMax} requests are under way`
      throw new QuorateError('overloaded', limit, { retryAfterSeconds: 1 })
    }
    this.#unanswered++
    try {
      // Each mechanism has the deadline itself, and knows the outcome better; so this comes a moment later.
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
