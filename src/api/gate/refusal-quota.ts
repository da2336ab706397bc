/**
 * How many refusals may have a line of their own in the audit log. Any client can cause refusals without end, and must
 * not fill the disk or push other lines out of the queue. Refusals beyond the quota are counted instead.
 */

const WINDOW_MS = 1000

export class RefusalQuota {
  readonly #perSecond: number
  #windowMs = Number.NEGATIVE_INFINITY
  #taken = 0
  #more = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether the refusal has a line. If not, it is counted. `nowMs` never goes back. */
  take(nowMs: number): boolean {
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs
      this.#taken = 0
    }
    if (this.#taken < this.#perSecond) {
      this.#taken++
      return true
    }
    this.#more++
    return false
  }

  /** How many refusals had no line since the last call. */
  takeMore(): number {
    const more = this.#more
    this.#more = 0
    return more
  }
}
