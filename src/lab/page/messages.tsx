/// <reference lib="dom" />
/**
 * The messages in the picture. While time is slow or stands still, each is where it is on its way. At higher speeds a
 * message takes less than a frame, so those that have just arrived fly once more along their link.
 */
import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import type {
  ArrivalView,
  FlightView,
  MessageView,
} from '../../simulation/interactive/messages-in-flight.ts'
import { laneOf, type Point, pointAt } from '../picture/circle-layout.ts'
import { classOf, type MessageClass, shownMessage } from '../picture/message-class.ts'
import type { Places } from '../picture/places.ts'
import type { Scene } from '../run/scene.ts'

interface Props {
  readonly scene: Scene
  readonly places: Places
}

/** At this speed and below, messages can be followed with the eye. */
const SLOW = 0.01
const SPARK_MS = 700
const SPARKS_MAX = 40
/** Above this speed, who is up is asked too often to be shown. */
const GOSSIP_SPEED_MAX = 1

export function Messages({ scene, places }: Props): VNode {
  const isSlow = !scene.isPlaying || scene.speed <= SLOW
  return (
    <g class="messages" aria-hidden="true">
      {isSlow ? (
        <Flights scene={scene} places={places} />
      ) : (
        <Sparks scene={scene} places={places} />
      )}
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

interface Spark {
  readonly arrival: ArrivalView
  readonly message: MessageView
  readonly bornMs: number
}

function Sparks({ scene: { view, speed }, places }: Props): VNode {
  const sparks = useRef<readonly Spark[]>([])
  const seen = useRef(0)
  const nowMs = performance.now()
  const born = view.arrivals
    .filter(({ number }) => number >= seen.current)
    .flatMap((arrival): Spark[] => {
      const message = shownMessage(arrival.messages)
      const isShown =
        message !== undefined && (speed <= GOSSIP_SPEED_MAX || classOf(message.kind) !== 'gossip')
      return isShown ? [{ arrival, message, bornMs: nowMs }] : []
    })
  seen.current = view.arrivalEnd
  sparks.current = [...sparks.current, ...born]
    .filter(({ bornMs }) => nowMs - bornMs < SPARK_MS)
    .slice(-SPARKS_MAX)
  return (
    <>
      {sparks.current
        .filter(({ arrival: { from, to } }) => places.has(from) && places.has(to))
        .map(({ arrival: { number, from, to }, message }) => {
          const lane = laneOf(places.of(from), places.of(to))
          const way = {
            '--from-x': `${lane.from.x}px`,
            '--from-y': `${lane.from.y}px`,
            '--to-x': `${lane.to.x}px`,
            '--to-y': `${lane.to.y}px`,
          }
          return (
            <g key={number} class="spark" style={way}>
              <MessageShape of={classOf(message.kind)} isAnswer={message.answer !== null} />
            </g>
          )
        })}
    </>
  )
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
