/** Where each node stands in the picture of one view, and which gaps part the groups. */
import { nodePlace, outside, type Point } from './circle-layout.ts'
import { circleOrder, gapsBetween, groupsOf } from './cut-groups.ts'

/** What of a view decides where everything lies. */
interface Seen {
  readonly nodes: readonly {
    readonly id: string
    readonly zone: string | null
    readonly state: string
  }[]
  readonly links: Parameters<typeof groupsOf>[1]
}

export interface Places {
  readonly order: readonly string[]
  readonly gaps: readonly number[]
  /** Neighbours on the circle that stand in one zone: the places of the first and the last one. */
  readonly zones: readonly {
    readonly zone: string
    readonly first: number
    readonly last: number
  }[]
  has(id: string): boolean
  /** The middle of the node. */
  of(id: string): Point
  /** A place near the node: so far outside of the circle, and so many nodes further along it. */
  near(id: string, by: number, along?: number): Point
}

export function placesOf({ nodes, links }: Seen): Places {
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
    zones: zonesAlong(order, new Map(present.map(({ id, zone }) => [id, zone]))),
    has: (id) => index.has(id),
    of: (id) => nodePlace(placeOf(id), order.length),
    near: (id, by, along = 0) => outside(placeOf(id) + along, order.length, by),
  }
}

function zonesAlong(
  order: readonly string[],
  zoneOf: ReadonlyMap<string, string | null>,
): Places['zones'] {
  const runs: { zone: string; first: number; last: number }[] = []
  for (const [i, id] of order.entries()) {
    const zone = zoneOf.get(id) ?? null
    const run = runs.at(-1)
    if (run?.zone === zone && run.last === i - 1) run.last = i
    else if (zone !== null) runs.push({ zone, first: i, last: i })
  }
  return runs
}
