/** One direction of a link. A click cuts or heals both directions. */
import type { VNode } from 'preact'
import type { LinkView } from '../../simulation/interactive/world-view.ts'
import { halfHead, laneOf, pointAt } from '../picture/circle-layout.ts'
import type { Places } from '../picture/places.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly link: LinkView
  readonly places: Places
  readonly deeds: LabDeeds
}

const HEAD = 8

/** The matrix offers the same by keyboard and to screen readers. */
export function LinkLane({ link, places, deeds }: Props): VNode | null {
  const { from, to, cut, isOpen } = link
  if (!places.has(from) || !places.has(to)) return null
  const lane = laneOf(places.of(from), places.of(to))
  const middle = pointAt(lane, 0.36)
  const state = cut !== null ? 'cut' : isOpen ? 'open' : 'closed'
  const ends = { x1: lane.from.x, y1: lane.from.y, x2: lane.to.x, y2: lane.to.y }
  const change = (): void =>
    cut === null
      ? deeds.act({ do: 'cut', from: [from], to: [to] })
      : deeds.act({ do: 'heal', from: [from], to: [to] })
  return (
    <g class={`lane ${state}`} aria-hidden="true" onClick={change}>
      <title>
        {`${from} to ${to}: ${cut === null ? 'click to cut both directions' : 'cut; click to heal'}`}
      </title>
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
