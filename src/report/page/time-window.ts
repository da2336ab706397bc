/** The stretch of time that the pictures show, and what zooming and moving make of it. Microseconds. */

export interface TimeWindow {
  readonly from: number
  readonly to: number
}

/** Closer there is nothing more to see: a request takes longer. */
const SPAN_US_MIN = 200

/** Times `factor` as long, around `at`, which stays where it is on the screen. */
export function zoomed(window: TimeWindow, end: number, at: number, factor: number): TimeWindow {
  const span = Math.min(end, Math.max(SPAN_US_MIN, (window.to - window.from) * factor))
  const share = (at - window.from) / (window.to - window.from)
  return within(end, at - share * span, span)
}

export function moved(window: TimeWindow, end: number, by: number): TimeWindow {
  return within(end, window.from + by, window.to - window.from)
}

/** From `from` to `to`, with a margin, at least `spanMin` long. */
export function around(end: number, from: number, to: number, spanMin: number): TimeWindow {
  const span = Math.min(end, Math.max(SPAN_US_MIN, spanMin, (to - from) * 1.3))
  return within(end, (from + to) / 2 - span / 2, span)
}

/** Round times, at most `count` of them, within the window. */
export function ticksOf({ from, to }: TimeWindow, count: number): number[] {
  const step = roundStep((to - from) / Math.max(1, count))
  const ticks: number[] = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at)
  return ticks
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  for (const factor of [1, 2, 5]) if (power * factor >= least) return power * factor
  return power * 10
}

/** Seconds, with as many decimals as times `step` apart need. */
export function timeText(us: number, step: number): string {
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step / 1e6) + 1e-9)))
  return `${(us / 1e6).toFixed(decimals)} s`
}

/** A length of time in the unit that suits it. */
export function lengthText(us: number): string {
  if (us < 1000) return `${us} µs`
  if (us < 1e6) return `${Number((us / 1000).toPrecision(3))} ms`
  return `${Number((us / 1e6).toPrecision(3))} s`
}

function within(end: number, from: number, span: number): TimeWindow {
  const start = Math.max(0, Math.min(end - span, from))
  return { from: start, to: start + span }
}
