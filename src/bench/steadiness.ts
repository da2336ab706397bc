/** When a runtime has warmed up: judged by the rates of one load in steps of equal length. Pure. */

/** Less than this much more than the best before is no gain, but noise. */
const GAIN_MIN = 0.05
/** This many steps in a row without a gain are the end of it. */
const STEPS_WITHOUT_GAIN = 2

/** `rates` in the order of time. */
export function isSteady(rates: readonly number[]): boolean {
  let best = 0
  let without = 0
  for (const rate of rates) {
    without = rate > best * (1 + GAIN_MIN) ? 0 : without + 1
    best = Math.max(best, rate)
  }
  return without >= STEPS_WITHOUT_GAIN
}
