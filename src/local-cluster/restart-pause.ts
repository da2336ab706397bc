/**
 * How long a node that ended by itself stays down before it is started again. The pause doubles each time, up to a
 * bound, so that a node that cannot run costs little. After a long run it begins with the shortest pause again.
 */
const PAUSE_MS_MIN = 1000
const PAUSE_MS_MAX = 60_000
/** A node that ran this long between two ends counts as steady. */
const STEADY_MS = 120_000

export class RestartPause {
  #endedMs = Number.NEGATIVE_INFINITY
  #pauseMs = 0

  /** The pause after an end at `nowMs`, read from a monotonic clock. */
  next(nowMs: number): number {
    const isSteady = nowMs - this.#endedMs >= this.#pauseMs + STEADY_MS
    this.#endedMs = nowMs
    this.#pauseMs = isSteady ? PAUSE_MS_MIN : Math.min(2 * this.#pauseMs, PAUSE_MS_MAX)
    return this.#pauseMs
  }
}
