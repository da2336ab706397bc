/// <reference lib="dom" />
/** How the requests of the last 15 minutes ended at the node, and how long they took. */
import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import {
  bars,
  CHART,
  latencyPath,
  latencyTicks,
  rateTicks,
  type Tick,
  timeTicks,
} from '../live/chart-shapes.ts'
import { WINDOW_MS } from '../live/live-log.ts'
import type { NodeClock } from '../live/node-clock.ts'
import type { RequestSlot, RequestSlots } from '../live/request-slots.ts'

interface Props {
  readonly node: string
  readonly requests: RequestSlots
  readonly clock: NodeClock
}

/** The charts are drawn again so often, however often the node tells something. */
const TICK_MS = 1000
const MINUTE_MS = 60_000

export function RequestCharts({ node, requests, clock }: Props): VNode {
  const [pageMs, setNow] = useState(() => Date.now())
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(tick)
  }, [])
  return useMemo(
    () => <Charts node={node} requests={requests} nowMs={clock.at(pageMs)} />,
    [pageMs, requests],
  )
}

interface ChartsProps extends Omit<Props, 'clock'> {
  /** The time at the node. */
  readonly nowMs: number
}

function Charts({ node, requests, nowMs }: ChartsProps): VNode {
  const slots = requests.slots().filter(({ atMs }) => atMs > nowMs - WINDOW_MS)
  const sum = (outcome: keyof RequestSlot['counts']): number =>
    slots.reduce((total, { counts }) => total + counts[outcome], 0)
  return (
    <section class="panel charts" aria-labelledby="charts-title">
      <h2 id="charts-title">Requests at {node}, last 15 minutes</h2>
      <Patterns />
      <p>
        <Swatch of="ok" /> {sum('ok')} answered <Swatch of="rejected" /> {sum('rejected')} rejected{' '}
        <Swatch of="unknown" /> {sum('unknown')} with an unknown outcome
      </p>
      <Chart
        label="Requests a second, by outcome. The table below has the numbers."
        ticks={rateTicks(slots, nowMs)}
      >
        {bars(slots, nowMs).map(({ outcome, x, y, width, height }) => (
          <rect
            key={`${outcome} ${x}`}
            class={`bar ${outcome}`}
            fill={FILLS[outcome]}
            {...{ x, y, width, height }}
          />
        ))}
      </Chart>
      <p class="hint" aria-hidden="true">
        <svg class="swatch" viewBox="0 0 30 10">
          <path class="median" d="M2 5H28" />
        </svg>{' '}
        half of the requests took no longer{' '}
        <svg class="swatch" viewBox="0 0 30 10">
          <path class="slowest" d="M2 5H28" />
        </svg>{' '}
        99 of 100
      </p>
      <Chart
        label="Duration of the requests. The table below has the numbers."
        ticks={latencyTicks()}
      >
        <path class="slowest" d={latencyPath(slots, ({ p99Ms }) => p99Ms, nowMs)} />
        <path class="median" d={latencyPath(slots, ({ medianMs }) => medianMs, nowMs)} />
      </Chart>
      <details>
        <summary>The same as a table</summary>
        <MinuteTable slots={requests.slots(MINUTE_MS).toReversed()} />
      </details>
    </section>
  )
}

interface ChartProps {
  readonly label: string
  readonly ticks: readonly Tick[]
  readonly children: ComponentChildren
}

function Chart({ label, ticks, children }: ChartProps): VNode {
  const { width, height, left, bottom } = CHART
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {ticks.map(({ at, words }) => (
        <g key={words}>
          <line x1={left} x2={width} y1={at} y2={at} />
          <text class="value" x={left - 5} y={at + 4}>
            {words}
          </text>
        </g>
      ))}
      {timeTicks().map(({ at, words }) => (
        <text key={words} class={words === 'now' ? 'last' : 'time'} x={at} y={height - bottom + 15}>
          {words}
        </text>
      ))}
      {children}
    </svg>
  )
}

/** Patterns, so that outcomes differ by more than their colour. */
const FILLS: Readonly<Record<keyof RequestSlot['counts'], string>> = {
  ok: 'currentColor',
  rejected: 'url(#hatch)',
  unknown: 'url(#dots)',
}

function Patterns(): VNode {
  return (
    <svg class="unseen" aria-hidden="true">
      <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse">
        <rect class="hatch-ground" width="4" height="4" />
        <path class="hatch-line" d="M-1 1L1 -1M0 4L4 0M3 5L5 3" />
      </pattern>
      <pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse">
        <rect class="dots-ground" width="4" height="4" />
        <circle class="dots-dot" cx="2" cy="2" r="1.2" />
      </pattern>
    </svg>
  )
}

function Swatch({ of }: { readonly of: keyof RequestSlot['counts'] }): VNode {
  return (
    <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
      <rect class={`bar ${of}`} fill={FILLS[of]} width="12" height="12" />
    </svg>
  )
}

function MinuteTable({ slots }: { readonly slots: readonly RequestSlot[] }): VNode {
  return (
    <table class="minutes">
      <thead>
        <tr>
          {['Minute', 'Answered', 'Rejected', 'Unknown', 'Half within', '99 % within'].map(
            (words) => (
              <th key={words} scope="col">
                {words}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {slots.map(({ atMs, counts, medianMs, p99Ms }) => (
          <tr key={atMs}>
            <th scope="row">{minuteWords(atMs)}</th>
            <td>{counts.ok}</td>
            <td>{counts.rejected}</td>
            <td>{counts.unknown}</td>
            <td>{durationWords(medianMs)}</td>
            <td>{durationWords(p99Ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function minuteWords(atMs: number): string {
  return new Date(atMs).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  })
}

function durationWords(ms: number | null): string {
  if (ms === null) return '–'
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}
