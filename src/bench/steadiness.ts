/** Warms a runtime up, and decides by the rates of one load in steps of equal length whether it is warm. */

/** A smaller gain over the best rate counts as noise. */
const GAIN_MIN = 0.05
/** So many consecutive steps without a gain end the warm-up. */
const STEPS_WITHOUT_GAIN = 2
const STEP_SECONDS = 3

/**
 * Loads until the rate no longer rises. Nodes of this store needed 18 s of puts until the runtime had compiled the hot
 * code, and were then twice as fast. `load` resolves to its rate. Resolves to all rates.
 */
export async function loadUntilSteady(
  load: (seconds: number, step: number) => Promise<number>,
  secondsMax: number,
): Promise<number[]> {
  const rates: number[] = []
  let leftSeconds = secondsMax
  while (leftSeconds > 0 && !isSteady(rates)) {
    const seconds = Math.min(leftSeconds, STEP_SECONDS)
    leftSeconds -= seconds
    rates.push(await load(seconds, rates.length))
  }
  return rates
}

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
