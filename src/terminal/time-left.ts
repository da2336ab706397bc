/** Estimates how long work still takes whose parts take about equal time, from the time of the parts so far. */

export class TimeLeft {
  readonly #startMs: number
  readonly #doneAtStart: number
  #done: number
  /** Undefined until the first part is done. */
  #endMs: number | undefined

  constructor(nowMs: number, doneAtStart: number) {
    this.#startMs = nowMs
    this.#doneAtStart = doneAtStart
    this.#done = doneAtStart
  }

  /** In ms; undefined as long as nothing is known. Between two parts the time left runs down as a clock does. */
  estimate(nowMs: number, done: number, all: number): number | undefined {
    if (done > this.#done) {
      this.#done = done
      const msPerPart = (nowMs - this.#startMs) / (done - this.#doneAtStart)
      this.#endMs = nowMs + msPerPart * (all - done)
    }
    return this.#endMs === undefined ? undefined : Math.max(0, this.#endMs - nowMs)
  }
}

const MS_PER_SECOND = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000
/** The next larger unit is exact enough for this many of a unit, or more. */
const UNITS_MAX = 100

/** For example `about 40 s left`. */
export function timeLeftWords(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / MS_PER_SECOND))
  if (seconds < UNITS_MAX) return `about ${seconds} s left`
  const minutes = Math.round(ms / MS_PER_MINUTE)
  if (minutes < UNITS_MAX) return `about ${minutes} min left`
  return `about ${Math.round(ms / MS_PER_HOUR)} h left`
}
