/** One direction of a link. A click does what the page offers for it. */
import type { VNode } from 'preact'
import { halfHead, laneOf, pointAt } from '../picture/circle-layout.ts'
import type { Places } from '../picture/places.ts'
import type { LinkSight } from '../picture/sight.ts'

/** What can be done with one direction of a link. */
export interface LinkDeed {
  /** What a click does, for example "cut both directions". */
  readonly words: (link: LinkSight) => string
  readonly press: (link: LinkSight) => void
}

interface Props {
  readonly link: LinkSight
  readonly places: Places
  readonly deed: LinkDeed
}

const HEAD = 8

/** The matrix offers the same by keyboard and to screen readers. */
export function LinkLane({ link, places, deed }: Props): VNode | null {
  const { from, to, cut, isOpen } = link
  if (!places.has(from) || !places.has(to)) return null
  const lane = laneOf(places.of(from), places.of(to))
  const middle = pointAt(lane, 0.36)
  const state = cut !== null ? 'cut' : isOpen ? 'open' : 'closed'
  const ends = { x1: lane.from.x, y1: lane.from.y, x2: lane.to.x, y2: lane.to.y }
  return (
    <g class={`lane ${state}`} aria-hidden="true" onClick={() => deed.press(link)}>
      <title>{`${from} to ${to}: click to ${deed.words(link)}`}</title>
      <line class="hit" {...ends} />
      <line class="way" {...ends} />
      <path class="head" d={halfHead(lane, HEAD)} />
      {cut !== null && (
        <g transform={`translate(${middle.x} ${middle.y})`}>
          <path class="cross" d="M-4 -4L4 4M4 -4L-4 4" />
        </g>
      )}
    </g>
  )
}
