/** Where the bars and lines of the charts lie. The newest instant is at the right edge. */
import { WINDOW_MS } from './live-log.ts'
import { type RequestSlot, SLOT_MS } from './request-slots.ts'

export const CHART = { width: 560, height: 132, left: 64, top: 10, bottom: 20 } as const
const PLOT = {
  width: CHART.width - CHART.left - 6,
  height: CHART.height - CHART.top - CHART.bottom,
} as const

/** One outcome of one slot. */
export interface Bar {
  readonly outcome: keyof RequestSlot['counts']
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Tick {
  readonly at: number
  readonly words: string
}

/** At the foot what was answered, above it what was rejected, then what is unknown. */
const OUTCOMES = ['ok', 'rejected', 'unknown'] as const
const FAINTEST = 1.5
const RAN_MS_MIN = 3000

export function bars(slots: readonly RequestSlot[], nowMs: number): readonly Bar[] {
  const most = topRate(slots, nowMs)
  const width = (SLOT_MS / WINDOW_MS) * PLOT.width
  return slots
    .filter(({ atMs }) => atMs > nowMs - WINDOW_MS)
    .flatMap(({ atMs, counts }) => {
      let foot = CHART.height - CHART.bottom
      return OUTCOMES.filter((outcome) => counts[outcome] > 0).map((outcome) => {
        // One failure among thousands must still be seen.
        const rate = rateIn({ atMs }, counts[outcome], nowMs)
        const height = Math.max(FAINTEST, (rate / most) * PLOT.height)
        foot -= height
        return { outcome, x: xOf(atMs, nowMs), y: foot, width: Math.max(1, width - 1), height }
      })
    })
}

/** The value at the upper edge: a round number of requests a second. */
export function topRate(slots: readonly RequestSlot[], nowMs: number): number {
  const rates = slots.map((slot) => {
    const { ok, rejected, unknown } = slot.counts
    return rateIn(slot, ok + rejected + unknown, nowMs)
  })
  const most = Math.max(1, ...rates)
  const decade = 10 ** Math.floor(Math.log10(most))
  return decade * ([1, 2, 5, 10].find((each) => each * decade >= most) ?? 10)
}

/** Requests a second. The newest slot has not ended; its first moments tell little. */
function rateIn({ atMs }: Pick<RequestSlot, 'atMs'>, count: number, nowMs: number): number {
  const ranMs = Math.min(SLOT_MS, Math.max(RAN_MS_MIN, nowMs - atMs))
  return (count * 1000) / ranMs
}

/** A line through the middles of the slots, as a path. It breaks where a slot without requests lies between. */
export function latencyPath(
  slots: readonly RequestSlot[],
  valueOf: (slot: RequestSlot) => number | null,
  nowMs: number,
): string {
  let before: number | undefined
  let path = ''
  for (const slot of slots) {
    const ms = valueOf(slot)
    if (ms === null || slot.atMs <= nowMs - WINDOW_MS) continue
    const isNext = before !== undefined && slot.atMs - before === SLOT_MS
    const x = xOf(slot.atMs + SLOT_MS / 2, nowMs).toFixed(1)
    // A single slot is seen as a dot, if the line has round ends.
    path += isNext ? `L${x} ${latencyY(ms)}` : `M${x} ${latencyY(ms)}h0.1`
    before = slot.atMs
  }
  return path
}

const LATENCY_MS = [1, 10, 100, 1000] as const
const LATENCY_MS_MIN = 0.5
const LATENCY_MS_MAX = 5000

/** Equal distances are equal factors, because latencies differ by powers of ten. */
function latencyY(ms: number): string {
  const inScale = Math.min(LATENCY_MS_MAX, Math.max(LATENCY_MS_MIN, ms))
  const part = Math.log(inScale / LATENCY_MS_MIN) / Math.log(LATENCY_MS_MAX / LATENCY_MS_MIN)
  return (CHART.height - CHART.bottom - part * PLOT.height).toFixed(1)
}

export function latencyTicks(): readonly Tick[] {
  return LATENCY_MS.map((ms) => ({
    at: Number(latencyY(ms)),
    words: ms === 1000 ? '1 s' : `${ms} ms`,
  }))
}

export function rateTicks(slots: readonly RequestSlot[], nowMs: number): readonly Tick[] {
  const top = topRate(slots, nowMs)
  return [0, top / 2, top].map((value) => ({
    at: CHART.height - CHART.bottom - (value / top) * PLOT.height,
    words: `${value}/s`,
  }))
}

export function timeTicks(): readonly Tick[] {
  return [15, 10, 5, 0].map((minutes) => ({
    at: CHART.left + (1 - (minutes * 60_000) / WINDOW_MS) * PLOT.width,
    words: minutes === 0 ? 'now' : `−${minutes} min`,
  }))
}

function xOf(atMs: number, nowMs: number): number {
  return CHART.left + (1 - (nowMs - atMs) / WINDOW_MS) * PLOT.width
}
