/// <reference lib="dom" />
/**
 * The messages in the picture. While time is slow or stands still, each is where it is on its way. At higher speeds a
 * message takes less than a frame, so those that have just arrived fly once more along their link.
 */
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ArrivalView, FlightView } from '../../simulation/interactive/seen-messages.ts'
import { laneOf, type Point, pointAt } from '../picture/circle-layout.ts'
import { classOf, type MessageClass, shownMessage } from '../picture/message-class.ts'
import type { Places } from '../picture/places.ts'
import type { Scene } from '../run/scene.ts'
import { type Spark, SparkCanvas } from './spark-canvas.ts'

interface Props {
  readonly scene: Scene
  readonly places: Places
}

/** At this speed and below, messages can be followed with the eye. */
const SLOW = 0.01
/** Above this speed, who is up is asked too often to be shown. */
const GOSSIP_SPEED_MAX = 1

/** Messages on their way, in the picture. */
export function Messages({ scene, places }: Props): VNode {
  return (
    <g class="messages" aria-hidden="true">
      {isSlow(scene.isPlaying, scene.speed) && <Flights scene={scene} places={places} />}
    </g>
  )
}

function Flights({ scene: { view }, places }: Props): VNode {
  return (
    <>
      {view.flights
        .filter(({ from, to }) => places.has(from) && places.has(to))
        .map((flight) => {
          const { x, y } = placeOf(flight, view.nowUs, places)
          const message = shownMessage(flight.messages)
          if (message === undefined) return null
          return (
            <g
              key={`${flight.from}>${flight.to} ${flight.sentUs}`}
              transform={`translate(${x} ${y})`}
            >
              <title>{wordsOf(flight)}</title>
              <MessageShape of={classOf(message.kind)} isAnswer={message.answer !== null} />
            </g>
          )
        })}
    </>
  )
}

/** Messages that have just arrived, over the picture. */
export function Sparks({ scene: { view, speed, isPlaying }, places }: Props): VNode {
  const canvas = useRef<HTMLCanvasElement>(null)
  const drawn = useRef<SparkCanvas | undefined>(undefined)
  const seen = useRef(0)
  useEffect(() => {
    if (canvas.current === null || isReduced()) return
    drawn.current ??= new SparkCanvas(canvas.current)
    if (isSlow(isPlaying, speed)) drawn.current.clear()
    else drawn.current.add(bornIn(view.arrivals, seen.current, speed, places))
    seen.current = view.arrivalEnd
  }, [view])
  return <canvas class="sparks" ref={canvas} aria-hidden="true" />
}

/** Those that arrived since the one with that number. */
function bornIn(
  arrivals: readonly ArrivalView[],
  sinceNumber: number,
  speed: number,
  places: Places,
): Spark[] {
  const bornMs = performance.now()
  return arrivals
    .filter(({ number, from, to }) => number >= sinceNumber && places.has(from) && places.has(to))
    .flatMap(({ from, to, messages }) => {
      const message = shownMessage(messages)
      if (message === undefined) return []
      const kind = classOf(message.kind)
      if (speed > GOSSIP_SPEED_MAX && kind === 'gossip') return []
      const line = laneOf(places.of(from), places.of(to))
      return [{ line, kind, isAnswer: message.answer !== null, bornMs }]
    })
}

function isSlow(isPlaying: boolean, speed: number): boolean {
  return !isPlaying || speed <= SLOW
}

function isReduced(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}

interface ShapeProps {
  readonly of: MessageClass
  readonly isAnswer: boolean
}

export function MessageShape({ of, isAnswer }: ShapeProps): VNode {
  const kind = `message ${of} ${isAnswer ? 'hollow' : ''}`
  switch (of) {
    case 'write':
      return <circle class={kind} r="5" />
    case 'read':
      return <rect class={kind} x="-4.5" y="-4.5" width="9" height="9" />
    case 'consensus':
      return <path class={kind} d="M0 -6L5.5 4.5H-5.5Z" />
    case 'repair':
      return <path class={kind} d="M0 -6L5.5 0L0 6L-5.5 0Z" />
    case 'gossip':
      return <circle class={kind} r="2.2" />
    default:
      return of satisfies never
  }
}

function placeOf({ from, to, sentUs, dueUs }: FlightView, nowUs: number, places: Places): Point {
  const part = (nowUs - sentUs) / Math.max(1, dueUs - sentUs)
  // A frame that a cut holds back waits at the cut.
  return pointAt(laneOf(places.of(from), places.of(to)), nowUs > dueUs ? 0.36 : part)
}

function wordsOf({ from, to, messages }: FlightView): string {
  const kinds = messages.map(({ kind, answer }) =>
    answer === null ? kind : `answer to ${kind}: ${answer}`,
  )
  return `${from} to ${to}: ${kinds.join(', ')}`
}
