/// <reference lib="dom" />
/**
 * Draws messages that fly along their links on a canvas over the picture. A browser paints the whole SVG again if one
 * part of it moves, which takes several times as long as a frame lasts.
 */
import { type Line, PICTURE, pointAt } from '../picture/circle-layout.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../picture/message-class.ts'

export interface Spark {
  readonly line: Line
  readonly kind: MessageClass
  readonly isAnswer: boolean
  readonly bornMs: number
}

const FLIGHT_MS = 700
/** The part of the flight after which a message fades. */
const FADES_FROM = 0.85
/** More would not be told apart. */
const SPARKS_MAX = 40
const LINE_WIDTH = 1.6

export class SparkCanvas {
  readonly #canvas: HTMLCanvasElement
  #sparks: readonly Spark[] = []
  #frame = 0

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
  }

  add(sparks: readonly Spark[]): void {
    this.#sparks = [...this.#sparks, ...sparks].slice(-SPARKS_MAX)
    if (this.#frame === 0 && this.#sparks.length > 0) this.#next()
  }

  clear(): void {
    this.#sparks = []
  }

  #next(): void {
    this.#frame = requestAnimationFrame((nowMs) => {
      this.#frame = 0
      this.#sparks = this.#sparks.filter(({ bornMs }) => nowMs - bornMs < FLIGHT_MS)
      this.#draw(nowMs)
      if (this.#sparks.length > 0) this.#next()
    })
  }

  #draw(nowMs: number): void {
    const canvas = this.#canvas
    const context = canvas.getContext('2d')
    if (context === null) return
    const { clientWidth, clientHeight } = canvas
    const [width, height] = [clientWidth, clientHeight].map((size) =>
      Math.round(size * devicePixelRatio),
    ) as [number, number]
    // Setting the size also clears the canvas, but costs more.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    context.resetTransform()
    context.clearRect(0, 0, width, height)
    // As an SVG keeps its proportions in the middle of its box.
    const scale = Math.min(width / PICTURE.width, height / PICTURE.height)
    context.translate((width - PICTURE.width * scale) / 2, (height - PICTURE.height * scale) / 2)
    context.scale(scale, scale)
    context.lineWidth = LINE_WIDTH
    const { paper, colours } = coloursOf(canvas)
    for (const { line, kind, isAnswer, bornMs } of this.#sparks) {
      const part = Math.max(0, (nowMs - bornMs) / FLIGHT_MS)
      const { x, y } = pointAt(line, part)
      context.globalAlpha = part < FADES_FROM ? 1 : Math.max(0, (1 - part) / (1 - FADES_FROM))
      context.strokeStyle = colours[kind]
      context.fillStyle = isAnswer ? paper : colours[kind]
      const shape = new Path2D()
      shape.addPath(SHAPES[kind], { e: x, f: y })
      context.fill(shape)
      context.stroke(shape)
    }
    context.globalAlpha = 1
  }
}

/** The shapes of the legend (messages.tsx), around the place of the message. */
const SHAPES: Readonly<Record<MessageClass, Path2D>> = {
  write: circle(5),
  read: new Path2D('M-4.5 -4.5H4.5V4.5H-4.5Z'),
  consensus: new Path2D('M0 -6L5.5 4.5H-5.5Z'),
  repair: new Path2D('M0 -6L5.5 0L0 6L-5.5 0Z'),
  gossip: circle(2.2),
}

function circle(radius: number): Path2D {
  const path = new Path2D()
  path.arc(0, 0, radius, 0, 2 * Math.PI)
  return path
}

/** The colours of the style sheet, which differ between the light and the dark scheme. */
function coloursOf(element: Element): {
  readonly paper: string
  readonly colours: Readonly<Record<MessageClass, string>>
} {
  const style = getComputedStyle(element)
  const colours = MESSAGE_CLASSES.map((each) => [each, style.getPropertyValue(`--${each}`)])
  return {
    paper: style.getPropertyValue('--paper'),
    colours: Object.fromEntries(colours) as Record<MessageClass, string>,
  }
}
