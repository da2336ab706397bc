/**
 * Bounds on the reads that ask every member about itself. They are for operators, who are few; without a bound a
 * handful of curious clients would take the time of the whole cluster from its data.
 */
import { QuorateError } from '../../core/errors.ts'

/** At most so many at a time; more are refused. */
export class ConcurrencyLimit {
  readonly #max: number
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Rejects with overloaded, without a call of `read`, where enough are running. */
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

/** One at a time; whoever asks meanwhile gets the same result. */
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
