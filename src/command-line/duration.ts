/** Durations are written as a whole number and a unit: `500ms`, `30s`, `10m`, `2h`. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** In milliseconds; undefined if the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,12})(ms|s|m|h)$/.exec(text) ?? []
  const unitMs = UNITS_MS[unit]
  return unitMs === undefined ? undefined : Number(amount) * unitMs
}

/** The duration in the largest unit that needs no fraction. */
export function durationText(ms: number): string {
  const [unit, unitMs] = Object.entries(UNITS_MS).findLast(([, size]) => ms % size === 0) ?? [
    'ms',
    1,
  ]
  return `${ms / unitMs}${unit}`
}
