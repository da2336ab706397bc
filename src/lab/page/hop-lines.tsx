/** The messages of one request in the picture, each with the number of its step (hops-panel.tsx tells the words). */
import type { VNode } from 'preact'
import { halfHead, laneOf, pointAt } from '../picture/circle-layout.ts'
import type { HopLine } from '../picture/hop-story.ts'
import type { Places } from '../picture/places.ts'

interface Props {
  readonly lines: readonly HopLine[]
  readonly places: Places
}

const HEAD = 13
/** Where on its way a message has its number; further ones of the same way follow. */
const FIRST_NUMBER = 0.27
const NEXT_NUMBER = 0.15
const NUMBERS_MAX = 4
/** A lost message gets no further than this. */
const LOST_AT = 0.55

export function HopLines({ lines, places }: Props): VNode {
  const shown = lines.filter(({ from, to }) => places.has(from) && places.has(to))
  return (
    <g class="hops" aria-hidden="true">
      {shown.map((line) => (
        <Way key={line.number} line={line} places={places} />
      ))}
      {shown.map((line, i) => {
        const before = shown.slice(0, i).filter((each) => isSameWay(each, line)).length
        return <Number key={line.number} line={line} at={before} places={places} />
      })}
    </g>
  )
}

function isSameWay(a: HopLine, b: HopLine): boolean {
  return a.from === b.from && a.to === b.to
}

function Way({ line: { from, to, kind, mark, isAnswer }, places }: LineProps): VNode {
  const lane = laneOf(places.of(from), places.of(to))
  const end = mark === 'lost' ? pointAt(lane, LOST_AT) : lane.to
  return (
    <g class={`hop ${kind} ${mark} ${isAnswer ? 'is-answer' : ''}`}>
      <line x1={lane.from.x} y1={lane.from.y} x2={end.x} y2={end.y} />
      {mark === 'lost' ? (
        <path
          class="hop-lost"
          d="M-7 -7L7 7M7 -7L-7 7"
          transform={`translate(${end.x} ${end.y})`}
        />
      ) : (
        <path class="hop-head" d={halfHead(lane, HEAD)} />
      )}
    </g>
  )
}

interface LineProps {
  readonly line: HopLine
  readonly places: Places
}

/** A square, because the rank of an owner is a number in a circle. `at`: how many numbers lie before it on the same way. Beyond the limit, only the list has it. */
function Number({ line, at, places }: LineProps & { readonly at: number }): VNode | null {
  if (at >= NUMBERS_MAX) return null
  const { from, to, kind, mark, number, isAnswer } = line
  const lane = laneOf(places.of(from), places.of(to))
  const { x, y } = pointAt(lane, FIRST_NUMBER + at * NEXT_NUMBER)
  return (
    <g
      class={`hop-number ${kind} ${mark} ${isAnswer ? 'is-answer' : ''}`}
      transform={`translate(${x} ${y})`}
    >
      {mark === 'decides' && <rect class="ring" x="-14" y="-14" width="28" height="28" rx="6" />}
      <rect x="-10" y="-10" width="20" height="20" rx="3" />
      <text y="4.5">{number}</text>
    </g>
  )
}
