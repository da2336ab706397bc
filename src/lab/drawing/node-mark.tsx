/// <reference lib="dom" />
/** One node in the picture: its state, its clock, its hints, and what it holds of the chosen key. */
import type { VNode } from 'preact'
import { CENTER, NODE_RADIUS, type Point } from '../picture/circle-layout.ts'
import { clockWords, zoneWords } from '../picture/node-words.ts'
import type { Places } from '../picture/places.ts'
import type { KeySight, NodeSight } from '../picture/sight.ts'

interface Props {
  readonly node: NodeSight
  readonly chosenKey: KeySight | null
  readonly places: Places
  readonly isChosen: boolean
  readonly choose: () => void
}

const LINE_HEIGHT = 16

export function NodeMark({ node, chosenKey, places, isChosen, choose }: Props): VNode {
  const { id, state, zone, clockOffsetMs, hints } = node
  const { x, y } = places.of(id)
  const owner = chosenKey?.owners.indexOf(id) ?? -1
  const held = chosenKey?.held[id] ?? []
  const hintCount = Object.values(hints).reduce((sum, count) => sum + count, 0)
  const clock = clockWords(clockOffsetMs)
  const label = [
    `${id}: ${state}`,
    zone === null ? '' : `in ${zoneWords(zone)}`,
    owner >= 0 ? `owner ${owner + 1} of ${chosenKey?.key}` : '',
    held.length > 0 ? `holds ${held.join(' and ')}` : '',
    hintCount > 0 ? `keeps ${hintCount} hints` : '',
    clock === null ? '' : `its clock is ${clock}`,
  ]
  return (
    <g
      class={`node ${state} ${owner >= 0 ? 'owner' : ''} ${isChosen ? 'chosen' : ''}`}
      role="button"
      tabindex={0}
      aria-pressed={isChosen}
      aria-label={label.filter((part) => part !== '').join(', ')}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        choose()
      }}
    >
      <title>{`${id} is ${state}. Click for what can happen to it.`}</title>
      <g transform={`translate(${x} ${y})`}>
        <circle class="halo" r={NODE_RADIUS + 5} />
        <circle class="body" r={NODE_RADIUS} />
        <text class="name" y={state === 'up' ? 5 : -1}>
          {id}
        </text>
        <StateSign state={state} />
        {owner >= 0 && (
          <g transform={`translate(${-NODE_RADIUS * 0.8} ${-NODE_RADIUS * 0.8})`}>
            <circle class="rank" r="9" />
            <text class="rank-number" y="4">
              {owner + 1}
            </text>
          </g>
        )}
        {hintCount > 0 && <HintPile hints={hints} isLeft={x > CENTER.x + 30} />}
      </g>
      <Lines lines={linesOf(node, held)} at={places.near(id, NODE_RADIUS + 13)} />
    </g>
  )
}

function StateSign({ state }: { readonly state: NodeSight['state'] }): VNode | null {
  switch (state) {
    case 'silent':
      return (
        <text class="state-word" y="15">
          silent
        </text>
      )
    case 'paused':
      return <path class="state-sign" d="M-6 5V15M6 5V15" />
    case 'stopped':
      return <path class="state-sign" d="M-6 5L6 15M6 5L-6 15" />
    case 'starting':
      return (
        <text class="state-word" y="14">
          starts
        </text>
      )
    default:
      return null
  }
}

interface PileProps {
  readonly hints: NodeSight['hints']
  /** The lines beside the node are on the right then. */
  readonly isLeft: boolean
}

/** A sheet for each hint, up to three, and their number. */
function HintPile({ hints, isLeft }: PileProps): VNode {
  const count = Object.values(hints).reduce((sum, each) => sum + each, 0)
  return (
    <g
      class="hints"
      transform={`translate(${isLeft ? -NODE_RADIUS * 0.75 - 20 : NODE_RADIUS * 0.75} ${NODE_RADIUS * 0.55})`}
    >
      {[0, 1, 2].slice(0, Math.min(3, count)).map((i) => (
        <rect key={i} x={i * 3} y={-i * 3} width="17" height="13" rx="2" />
      ))}
      <text x={8.5 + 3 * (Math.min(3, count) - 1)} y={10 - 3 * (Math.min(3, count) - 1)}>
        {count}
      </text>
    </g>
  )
}

interface Line {
  readonly words: string
  readonly kind: 'value' | 'warning'
}

const SHOWN_VALUES = 3
const CHARACTERS = 14

/** The values that the node holds, the hints that it keeps, and its clock if that is wrong. */
function linesOf({ hints, clockOffsetMs }: NodeSight, held: readonly string[]): Line[] {
  const values = held.slice(0, SHOWN_VALUES).map((words): Line => {
    const isLong = words.length > CHARACTERS
    return { words: isLong ? `${words.slice(0, CHARACTERS)}…` : words, kind: 'value' }
  })
  const owners = Object.keys(hints).join(', ')
  const clock = clockWords(clockOffsetMs)
  return [
    ...values,
    ...(owners === '' ? [] : [{ words: `✉ for ${owners}`, kind: 'warning' } as const]),
    ...(clock === null ? [] : [{ words: `◷ ${clock}`, kind: 'warning' } as const]),
  ]
}

/** Lines of text beside the node, away from the middle of the picture. */
function Lines({ lines, at }: { readonly lines: readonly Line[]; readonly at: Point }): VNode {
  const isRight = at.x > CENTER.x + 30
  const anchor = isRight ? 'start' : at.x < CENTER.x - 30 ? 'end' : 'middle'
  const isAbove = anchor === 'middle' && at.y < CENTER.y
  const first = isAbove ? at.y - (lines.length - 1) * LINE_HEIGHT : at.y
  return (
    <g class="lines" text-anchor={anchor}>
      {lines.map(({ words, kind }, i) => (
        <text key={words} class={kind} x={at.x} y={first + 5 + i * LINE_HEIGHT}>
          {words}
        </text>
      ))}
    </g>
  )
}
