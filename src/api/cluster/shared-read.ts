/**
 * Bounds on the reads that ask every member about itself. They are meant for a few operators. Without a bound, a
 * handful of clients could use up the time that the cluster needs for data requests.
 */
import { QuorateError } from '../../core/errors.ts'

/** Runs at most `max` reads at a time and refuses more. */
export class ConcurrencyLimit {
  readonly #max: number
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Rejects with overloaded, without calling `read`, if `max` reads are running. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#max) {
      throw new QuorateError('overloaded', `${this.#max} requests of this kind are running here.`)
    }
    this.#running++
    try {
      return await read()
    } finally {
      this.#running--
    }
  }
}

/** Runs one read at a time. Callers that come while it runs share its result. */
export class SharedRead<T> {
  readonly #read: () => Promise<T>
  #running: Promise<T> | undefined

  constructor(read: () => Promise<T>) {
    this.#read = read
  }

  run(): Promise<T> {
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }
}
