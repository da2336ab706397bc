/** Where each node stands in the picture of one view, and which gaps part the groups. */
import type { WorldView } from '../../simulation/interactive/interactive-world.ts'
import { nodePlace, outside, type Point } from './circle-layout.ts'
import { circleOrder, gapsBetween, groupsOf } from './cut-groups.ts'

export interface Places {
  readonly order: readonly string[]
  readonly gaps: readonly number[]
  has(id: string): boolean
  /** The middle of the node. */
  of(id: string): Point
  /** A place near the node: so far outside of the circle, and so many nodes further along it. */
  near(id: string, by: number, along?: number): Point
}

export function placesOf({ nodes, links }: Pick<WorldView, 'nodes' | 'links'>): Places {
  const present = nodes.filter(({ state }) => state !== 'gone')
  const groups = groupsOf(present, links)
  const order = circleOrder(
    present.map(({ id }) => id),
    groups,
  )
  const index = new Map(order.map((id, i) => [id, i]))
  const placeOf = (id: string): number => index.get(id) ?? 0
  return {
    order,
    gaps: gapsBetween(order, groups),
    has: (id) => index.has(id),
    of: (id) => nodePlace(placeOf(id), order.length),
    near: (id, by, along = 0) => outside(placeOf(id) + along, order.length, by),
  }
}
