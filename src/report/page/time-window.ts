/** The time window that the pictures show, and how zooming and moving change it. Times are microseconds. */

export interface TimeWindow {
  readonly from: number
  readonly to: number
}

/** The shortest window. Requests take longer, so a shorter window would show nothing more. */
const SPAN_US_MIN = 200

/** A window `factor` times as long, around `at`, which keeps its place on the screen. */
export function zoomed(window: TimeWindow, end: number, at: number, factor: number): TimeWindow {
  const span = Math.min(end, Math.max(SPAN_US_MIN, (window.to - window.from) * factor))
  const share = (at - window.from) / (window.to - window.from)
  return within(end, at - share * span, span)
}

export function moved(window: TimeWindow, end: number, by: number): TimeWindow {
  return within(end, window.from + by, window.to - window.from)
}

/** A window around `from` to `to`, with a margin, at least `spanMin` long. */
export function around(end: number, from: number, to: number, spanMin: number): TimeWindow {
  const span = Math.min(end, Math.max(SPAN_US_MIN, spanMin, (to - from) * 1.3))
  return within(end, (from + to) / 2 - span / 2, span)
}

/** At most `count` round times within the window. */
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

/** A time in seconds, with enough decimals to distinguish times that are `step` apart. */
export function timeText(us: number, step: number): string {
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step / 1e6) + 1e-9)))
  return `${(us / 1e6).toFixed(decimals)} s`
}

/** A duration in a suitable unit. */
export function lengthText(us: number): string {
  if (us < 1000) return `${us} µs`
  if (us < 1e6) return `${Number((us / 1000).toPrecision(3))} ms`
  return `${Number((us / 1e6).toPrecision(3))} s`
}

function within(end: number, from: number, span: number): TimeWindow {
  const start = Math.max(0, Math.min(end - span, from))
  return { from: start, to: start + span }
}
