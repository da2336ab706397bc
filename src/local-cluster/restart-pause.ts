/**
 * How long a node that ended by itself stays down before it is started again: each time twice as long, up to a bound,
 * so that a node that cannot run costs little. A node that has run for a while begins with the shortest pause again.
 */
const PAUSE_MS_MIN = 1000
const PAUSE_MS_MAX = 60_000
/** From one end to the next, beyond the pause between them. */
const STEADY_MS = 120_000

export class RestartPause {
  #endedMs = Number.NEGATIVE_INFINITY
  #pauseMs = 0

  /** The pause after an end at `nowMs`, of a clock that never goes back. */
  next(nowMs: number): number {
    const isSteady = nowMs - this.#endedMs >= this.#pauseMs + STEADY_MS
    this.#endedMs = nowMs
    this.#pauseMs = isSteady ? PAUSE_MS_MIN : Math.min(2 * this.#pauseMs, PAUSE_MS_MAX)
    return this.#pauseMs
  }
}
