/** Decides whether a runtime has warmed up, by the rates of one load in steps of equal length. Pure. */

/** A smaller gain over the best rate counts as noise. */
const GAIN_MIN = 0.05
/** So many consecutive steps without a gain end the warm-up. */
const STEPS_WITHOUT_GAIN = 2

/** `rates` must be in order of time. */
export function isSteady(rates: readonly number[]): boolean {
  let best = 0
  let without = 0
  for (const rate of rates) {
    without = rate > best * (1 + GAIN_MIN) ? 0 : without + 1
    best = Math.max(best, rate)
  }
  return without >= STEPS_WITHOUT_GAIN
}
