/** Where nodes, links and dividing lines lie in the picture of a cluster. Angles begin at the top and go clockwise. */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly from: Point
  readonly to: Point
}

export const PICTURE = { width: 560, height: 430 } as const
export const CENTER: Point = { x: 280, y: 228 }
export const NODE_RADIUS = 25
const CIRCLE_RADIUS = 156
/** How far each direction of a link lies beside the middle. */
const LANE = 4.5
const DIVIDER_REACH = 212
/** How far a band reaches beyond its first and its last node, as a part of the way to the next one. */
const BAND_END = 0.22

/** The place of node `i` of `count`. */
export function nodePlace(i: number, count: number): Point {
  return placeAt(i / count, CIRCLE_RADIUS)
}

/** A place on the ray from the center through that node, such as for a label. */
export function outside(i: number, count: number, by: number): Point {
  return placeAt(i / count, CIRCLE_RADIUS + by)
}

/** A band behind the nodes `first` to `last`, as a path. */
export function bandOf(first: number, last: number, count: number): string {
  const turns = [first - BAND_END, last + BAND_END].map((place) => place / count)
  const [from, to] = turns.map((turn) => placeAt(turn, CIRCLE_RADIUS)) as [Point, Point]
  const isLong = (last - first + 2 * BAND_END) / count > 0.5 ? 1 : 0
  return `M${text(from)}A${CIRCLE_RADIUS} ${CIRCLE_RADIUS} 0 ${isLong} 1 ${text(to)}`
}

/** One direction of a link: on the right side of the way, and from rim to rim. */
export function laneOf(from: Point, to: Point): Line {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const along = { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
  const right = { x: -along.y * LANE, y: along.x * LANE }
  const trim = NODE_RADIUS + 5
  return {
    from: { x: from.x + along.x * trim + right.x, y: from.y + along.y * trim + right.y },
    to: { x: to.x - along.x * trim + right.x, y: to.y - along.y * trim + right.y },
  }
}

/** The point at that part of the line, from 0 to 1. */
export function pointAt({ from, to }: Line, part: number): Point {
  const t = Math.min(1, Math.max(0, part))
  return { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t }
}

/** An arrow head that has only its outer half, so that the two directions of a link do not overlap. */
export function halfHead({ from, to }: Line, size: number): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const along = { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
  const back = { x: to.x - along.x * size, y: to.y - along.y * size }
  const tip = { x: back.x - along.y * size * 0.6, y: back.y + along.x * size * 0.6 }
  return `M${text(to)}L${text(tip)}L${text(back)}Z`
}

/**
 * The lines that part groups. A gap `i` is between the nodes `i - 1` and `i`. Two gaps make one line across the circle;
 * more gaps make a star.
 */
export function dividers(gaps: readonly number[], count: number): Line[] {
  const ends = gaps.map((gap) => placeAt((gap - 0.5) / count, DIVIDER_REACH))
  const [first, second] = ends
  if (first === undefined || second === undefined) return []
  if (ends.length > 2) return ends.map((to) => ({ from: CENTER, to }))
  return [{ from: first, to: second }]
}

function placeAt(turn: number, radius: number): Point {
  const angle = turn * 2 * Math.PI
  return { x: CENTER.x + radius * Math.sin(angle), y: CENTER.y - radius * Math.cos(angle) }
}

function text({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`
}
