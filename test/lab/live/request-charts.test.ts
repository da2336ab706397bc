/** What the charts of a node's requests are drawn from. */
import { describe, expect, it } from 'vitest'
import {
  bars,
  CHART,
  latencyPath,
  latencyTicks,
  rateTicks,
  timeTicks,
  topRate,
} from '../../../src/lab/live/chart-shapes.ts'
import { WINDOW_MS } from '../../../src/lab/live/live-log.ts'
import { NodeClock } from '../../../src/lab/live/node-clock.ts'
import type { NodeRequests } from '../../../src/lab/live/node-status.ts'
import { quantileMs, RequestSlots, SLOT_MS } from '../../../src/lab/live/request-slots.ts'

const START_MS = Date.parse('2026-11-30T12:00:00Z')
const BOUNDS = [0.001, 0.01, 0.1]

/** The totals of a node after that time. `durations`: one place more than there are bounds. */
function totals(
  afterMs: number,
  codes: Readonly<Record<string, number>>,
  durations: readonly number[],
): NodeRequests {
  return {
    time: new Date(START_MS + afterMs).toISOString(),
    counts: Object.entries(codes).map(([code, count]) => ({
      op: 'get',
      level: 'quorum',
      code,
      count,
    })),
    boundsSeconds: BOUNDS,
    durations: [{ op: 'get', level: 'quorum', counts: durations }],
  }
}

describe('the slots', () => {
  it('have what ended between two totals, by outcome and duration', () => {
    const slots = new RequestSlots()
    slots.take(totals(0, { ok: 100 }, [100, 0, 0, 0]))
    expect(slots.slots()).toEqual([])
    slots.take(totals(500, { ok: 108, key_absent: 1 }, [100, 9, 0, 0]))
    slots.take(
      totals(
        900,
        { ok: 108, key_absent: 1, quorum_unreachable: 2, outcome_unknown: 1 },
        [100, 9, 0, 3],
      ),
    )
    slots.take(
      totals(
        SLOT_MS + 1,
        { ok: 118, key_absent: 1, quorum_unreachable: 2, outcome_unknown: 1 },
        [110, 9, 0, 3],
      ),
    )
    const [first, second] = slots.slots()
    expect(first).toMatchObject({ atMs: START_MS, counts: { ok: 9, rejected: 2, unknown: 1 } })
    // Above the last bound, the last bound is told.
    expect(first!.p99Ms).toBe(100)
    expect(first!.medianMs).toBeCloseTo(7)
    expect(second).toMatchObject({ atMs: START_MS + SLOT_MS, counts: { ok: 10 } })
    expect(second!.p99Ms).toBeCloseTo(0.99)
    const [together, ...rest] = slots.slots(60_000)
    expect(together).toMatchObject({ counts: { ok: 19, rejected: 2, unknown: 1 } })
    expect(rest).toEqual([])
  })

  it('skip what nobody knows: a gap in the stream, and a node that starts again', () => {
    const slots = new RequestSlots()
    slots.take(totals(0, { ok: 5 }, [5, 0, 0, 0]))
    slots.interrupt()
    slots.take(totals(1000, { ok: 900 }, [900, 0, 0, 0]))
    slots.take(totals(2000, { ok: 2 }, [2, 0, 0, 0]))
    expect(slots.slots()).toEqual([])
    slots.take(totals(3000, { ok: 3 }, [3, 0, 0, 0]))
    expect(slots.slots()).toMatchObject([{ counts: { ok: 1 } }])
  })

  it('have the first request of a node, which has told no bounds before', () => {
    const slots = new RequestSlots()
    slots.take({ ...totals(0, {}, []), boundsSeconds: [], durations: [] })
    slots.take(totals(1000, { ok: 1 }, [0, 1, 0, 0]))
    expect(slots.slots()).toMatchObject([{ counts: { ok: 1 } }])
  })

  it('are never more than those of 15 minutes, also if the clock of the node goes back', () => {
    const slots = new RequestSlots()
    for (let i = 0; i < 3000; i++) {
      const back = i === 1500 ? 60_000 : 0
      slots.take(totals(i * 1000 - back, { ok: i }, [i, 0, 0, 0]))
    }
    const all = slots.slots()
    expect(all.length).toBeLessThanOrEqual(WINDOW_MS / SLOT_MS + 1)
    const times = all.map(({ atMs }) => atMs)
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b))
  })

  it('tell quantiles as if durations were spread evenly between two bounds', () => {
    expect(quantileMs([0, 0, 0, 0], BOUNDS, 0.5)).toBeNull()
    expect(quantileMs([4, 0, 0, 0], BOUNDS, 0.5)).toBeCloseTo(0.5)
    expect(quantileMs([0, 4, 0, 0], BOUNDS, 0.5)).toBeCloseTo(5.5)
    expect(quantileMs([0, 0, 0, 4], BOUNDS, 0.5)).toBe(100)
    expect(quantileMs([1], [], 0.5)).toBe(0)
  })
})

describe('the clock of the node', () => {
  it.each([-3_600_000, -7000, 0, 7000, 3_600_000])(
    'places the newest bar at the right edge if it is ahead of the browser by %i ms',
    (aheadMs) => {
      const clock = new NodeClock()
      const slots = new RequestSlots()
      for (const [atMs, ok] of [
        [0, 0],
        [5000, 50],
      ] as const) {
        const told = totals(atMs, { ok }, [ok, 0, 0, 0])
        clock.hear(told.time, START_MS + atMs - aheadMs)
        slots.take(told)
      }
      const nowMs = clock.at(START_MS + 6000 - aheadMs)
      expect(nowMs).toBe(START_MS + 6000)
      expect(topRate(slots.slots(), nowMs)).toBe(10)
      const [bar] = bars(slots.slots(), nowMs)
      const scale = (CHART.width - CHART.left) / WINDOW_MS
      expect(bar!.x).toBeGreaterThan(CHART.width - 6 - 2 * SLOT_MS * scale)
      expect(bar!.x).toBeLessThan(CHART.width)
    },
  )

  it('is never before what the node has told, also if the browser has looked at its own clock earlier', () => {
    const clock = new NodeClock()
    expect(clock.at(START_MS)).toBe(START_MS)
    clock.hear(new Date(START_MS).toISOString(), 5000)
    expect(clock.at(4200)).toBe(START_MS)
    expect(clock.at(5800)).toBe(START_MS + 800)
  })

  it('may be set back far: the slots of the wrong time go', () => {
    const slots = new RequestSlots()
    slots.take(totals(3_600_000, { ok: 1 }, [1, 0, 0, 0]))
    slots.take(totals(3_600_500, { ok: 3 }, [3, 0, 0, 0]))
    slots.take(totals(0, { ok: 7 }, [7, 0, 0, 0]))
    expect(slots.slots()).toMatchObject([{ atMs: START_MS, counts: { ok: 4 } }])
  })
})

describe('the charts', () => {
  const slot = (i: number, ok: number, rejected = 0, ms: number | null = 2) => ({
    atMs: START_MS + i * SLOT_MS,
    counts: { ok, rejected, unknown: 0 },
    medianMs: ms,
    p99Ms: ms,
  })
  const nowMs = START_MS + 3 * SLOT_MS

  it('stack outcomes from the foot, and show a single failure among thousands', () => {
    const [answered, failed] = bars([slot(0, 100_000, 1)], nowMs)
    expect(answered).toMatchObject({ outcome: 'ok' })
    expect(answered!.y + answered!.height).toBeCloseTo(CHART.height - CHART.bottom)
    expect(failed!.y + failed!.height).toBeCloseTo(answered!.y)
    expect(failed!.height).toBeGreaterThanOrEqual(1.5)
    for (const { x, y, width } of bars([slot(0, 7, 1), slot(2, 9)], nowMs)) {
      expect(x).toBeGreaterThanOrEqual(CHART.left)
      expect(x + width).toBeLessThanOrEqual(CHART.width)
      expect(y).toBeGreaterThanOrEqual(CHART.top)
    }
    expect(bars([slot(0, 5)], START_MS + 2 * WINDOW_MS)).toEqual([])
  })

  it('have round scales', () => {
    const tops = [0, 3, 70, 123_456].map((ok) => topRate([slot(0, ok)], nowMs))
    expect(tops).toEqual([1, 1, 10, 20_000])
    // The newest slot has run for 4 of its 10 seconds.
    expect(topRate([slot(0, 70)], START_MS + 4000)).toBe(20)
    expect(rateTicks([slot(0, 70)], nowMs).map(({ words }) => words)).toEqual([
      '0/s',
      '5/s',
      '10/s',
    ])
    expect(latencyTicks().map(({ words }) => words)).toEqual(['1 ms', '10 ms', '100 ms', '1 s'])
    expect(timeTicks().map(({ words }) => words)).toEqual(['−15 min', '−10 min', '−5 min', 'now'])
  })

  it('break the line of latencies where nothing ended', () => {
    const slots = [slot(0, 1), slot(1, 1), slot(3, 1), slot(4, 0, 0, null)]
    const path = latencyPath(slots, ({ medianMs }) => medianMs, nowMs)
    expect(path.match(/M/g)).toHaveLength(2)
    expect(path.match(/L/g)).toHaveLength(1)
    expect(latencyPath([], () => 1, nowMs)).toBe('')
  })
})
