/// <reference lib="dom" />
/** What has happened at the live cluster since the page was opened, at most 15 minutes. */
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Tracks } from '../drawing/tracks.tsx'
import { LIVE_ROWS, type LiveEntry, WINDOW_MS } from '../live/live-log.ts'
import type { NodeClock } from '../live/node-clock.ts'

const TICK_MS = 1000
/** The shortest time that the line shows. */
const SHOWN_MS_MIN = 60_000
const TOLD = 12

interface Props {
  readonly log: readonly LiveEntry[]
  readonly clock: NodeClock
}

export function LiveTimeLine({ log, clock }: Props): VNode {
  const [sincePageMs] = useState(() => Date.now())
  const [pageMs, setNow] = useState(sincePageMs)
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(tick)
  }, [])
  const toMs = clock.at(pageMs)
  const sinceMs = toMs - (pageMs - sincePageMs)
  const openMs = toMs - (log[0] === undefined ? sinceMs : Math.min(sinceMs, log[0].atMs))
  const shownMs = Math.min(WINDOW_MS, Math.max(SHOWN_MS_MIN, openMs))
  const rows = LIVE_ROWS.map((name) => ({
    name,
    marks: log
      .filter(({ row, atMs }) => row === name && atMs >= toMs - shownMs && atMs <= toMs)
      .map(({ atMs, sign, words, state }) => ({
        atUs: atMs * 1000,
        sign,
        words,
        ...(state === undefined ? {} : { state }),
      })),
  }))
  return (
    <section class="panel time" aria-labelledby="live-time-title">
      <h2 id="live-time-title">The last {minutes(shownMs)}</h2>
      <div class="tracks">
        <Tracks
          rows={rows}
          fromUs={(toMs - shownMs) * 1000}
          toUs={toMs * 1000}
          evidence={[]}
          timeWords={(us) => clockTime(us / 1000)}
          press={() => undefined}
        />
      </div>
      <ol class="told" aria-label="What happened, the newest first">
        {log.length === 0 && <li class="hint">Nothing has changed since the page was opened.</li>}
        {log
          .slice(-TOLD)
          .toReversed()
          .map(({ atMs, row, sign, words }, i) => (
            <li key={`${atMs} ${row} ${i}`}>
              <time>{clockTime(atMs)}</time> <span aria-hidden="true">{sign}</span> {words}
            </li>
          ))}
      </ol>
    </section>
  )
}

function minutes(ms: number): string {
  const count = Math.round(ms / 60_000)
  return count <= 1 ? 'minute' : `${count} minutes`
}

function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour12: false })
}
