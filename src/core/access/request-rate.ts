/**
 * How many requests a second one caller may send: a token bucket. It fills at the rate, holds what fills it in one
 * second, and each request takes one token from it.
 *
 * Invariant: in any `s` seconds at most `rate * (s + 1)` requests pass, further work (`owe`) counted as requests. Only the
 * last one may exceed that, by its own further work.
 */

/** Sums of fractions are not exact. */
const TOLERANCE = 1e-6

export class RequestRate {
  readonly #perSecond: number
  #left: number
  #atMs: number

  /** `perSecond` is a whole number from 1. `nowMs` never goes back. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#atMs = nowMs
  }

  get perSecond(): number {
    return this.#perSecond
  }

  /** 0 if a request may pass. Otherwise after how many milliseconds the next one may. */
  take(nowMs: number): number {
    this.#fill(nowMs)
    if (this.#left < 1 - TOLERANCE) return this.#waitMs()
    this.#left--
    return 0
  }

  /**
   * 0 if a request that has passed may do the work of so many more. The next ones wait for that. While such work is owed
   * already, it may not: then returns after how many milliseconds the next request may pass, and nothing is owed for it.
   */
  owe(requests: number, nowMs: number): number {
    this.#fill(nowMs)
    if (this.#left < -TOLERANCE) return this.#waitMs()
    this.#left -= requests
    return 0
  }

  #fill(nowMs: number): void {
    const filled = ((nowMs - this.#atMs) * this.#perSecond) / 1000
    this.#left = Math.min(this.#perSecond, this.#left + filled)
    this.#atMs = nowMs
  }

  #waitMs(): number {
    return Math.max(1, Math.ceil(((1 - this.#left) * 1000) / this.#perSecond))
  }
}
