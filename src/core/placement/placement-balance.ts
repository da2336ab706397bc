/**
 * Balances a placement after a change of the members, position by position like the assignment, so that buckets of any
 * n are balanced. Members only swap positions within a list: one with a high load gives its position to one with a
 * lower load, if needed over intermediate members. Of all ways it takes the one with the fewest additional copies.
 */
import { type Member, PARTITION_COUNT } from './topology.ts'

type Lists = readonly (readonly number[])[]

/**
 * The largest allowed difference between two members, in data partitions of any n. A smaller one is not worth moving
 * copies.
 */
export const SPREAD_MAX = 2

export interface Rebalance {
  readonly members: readonly Member[]
  /** The placement in force. */
  readonly before: Lists
  /** The placement to come, changed in place. */
  readonly lists: number[][]
  /** The number of staying members in each list. A leaving member is at the end. */
  readonly staying: number
  /** Members that gain no copies. */
  readonly spared: ReadonlySet<number>
}

/** The positions of two members in one list. */
interface Swap {
  readonly partition: number
  readonly at: number
  readonly with: number
}

/** A sequence of swaps that moves load to another member. */
interface Way {
  /** Additional copies that the swaps cost, over buckets of any n. */
  readonly cost: number
  readonly swaps: readonly Swap[]
}

/** If zones differ in size, members of small zones keep more: balancing never makes a list lose a zone. */
export function rebalance(work: Rebalance): void {
  const load = work.members.map(() => 0)
  const ranks = work.before.map(ranksOf)
  for (let at = 0; at < work.staying - 1; at++) {
    for (const list of work.lists) {
      const i = list[at] as number
      load[i] = (load[i] as number) + 1
    }
    level(work, ranks, at, load)
  }
}

function level(work: Rebalance, ranks: Lists, at: number, load: number[]): void {
  const staying = work.lists[0]?.slice(0, work.staying) ?? []
  /** Members that cannot pass load to a less loaded one. The members that they can reach cannot either. */
  const stuck = new Set<number>()
  for (;;) {
    const takers = staying.filter((i) => !work.spared.has(i))
    const least = Math.min(...takers.map((i) => load[i] as number))
    const heavy = staying.filter((i) => !stuck.has(i) && (load[i] as number) > least + SPREAD_MAX)
    if (heavy.length === 0) return
    const from = heavy.reduce((a, b) => ((load[b] as number) > (load[a] as number) ? b : a))
    const { to, ways } = search(work, { ranks, at, load, from })
    if (to === undefined) {
      for (const i of ways.keys()) stuck.add(i)
      continue
    }
    for (const swap of (ways.get(to) as Way).swaps) {
      apply(work.lists[swap.partition] as number[], swap)
    }
    load[from] = (load[from] as number) - 1
    load[to] = (load[to] as number) + 1
  }
}

interface Search {
  readonly ranks: Lists
  readonly at: number
  readonly load: readonly number[]
  readonly from: number
}

/**
 * Finds the cheapest way from a member to one whose load stays lower even with one more (Dijkstra's algorithm). `to` is
 * undefined if all members in reach have too high a load.
 */
function search(
  work: Rebalance,
  { ranks, at, load, from }: Search,
): { to: number | undefined; ways: ReadonlyMap<number, Way> } {
  const most = (load[from] as number) - 2
  const ways = new Map<number, Way>([[from, { cost: 0, swaps: [] }]])
  const open = new Set([from])
  while (open.size > 0) {
    const order = (a: number, b: number): number =>
      costTo(ways, a) - costTo(ways, b) || (load[a] as number) - (load[b] as number)
    const cheapest = [...open].reduce((a, b) => (order(b, a) < 0 ? b : a))
    if ((load[cheapest] as number) <= most) return { to: cheapest, ways }
    open.delete(cheapest)
    for (const to of extend(work, ranks, ways, { at, from: cheapest })) open.add(to)
  }
  return { to: undefined, ways }
}

/** Extends the ways by one more swap, in which the member gives its position to a member behind it. */
function extend(
  work: Rebalance,
  ranks: Lists,
  ways: Map<number, Way>,
  { at, from }: { at: number; from: number },
): Set<number> {
  const { cost, swaps } = ways.get(from) as Way
  const improved = new Set<number>()
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const list = work.lists[partition] as readonly number[]
    // A list may change only once on a way, because the checks look at its present order.
    if (list[at] !== from || swaps.some((swap) => swap.partition === partition)) continue
    const rank = ranks[partition] as readonly number[]
    for (let behind = at + 1; behind < work.staying; behind++) {
      const to = list[behind] as number
      if (work.spared.has(to)) continue
      const more = copiesBetween(at, behind, rank[to]) - copiesBetween(at, behind, rank[from])
      const whole = cost + Math.max(0, more)
      const swap = { partition, at, with: behind }
      if (whole >= costTo(ways, to) || !isAllowed(work, list, rank, swap)) continue
      ways.set(to, { cost: whole, swaps: [...swaps, swap] })
      improved.add(to)
    }
  }
  return improved
}

function costTo(ways: ReadonlyMap<number, Way>, i: number): number {
  return ways.get(i)?.cost ?? Infinity
}

/** For how many n exactly one of the two positions is an owner's, and the member was no owner before. */
function copiesBetween(at: number, behind: number, rank: number | undefined): number {
  return Math.max(0, Math.min(behind, rank as number) - at)
}

/** Whether no owners lose a zone, and at most one owner differs from before, for every n. */
function isAllowed(
  { members }: Rebalance,
  list: readonly number[],
  rank: readonly number[],
  swap: Swap,
): boolean {
  const after = [...list]
  apply(after, swap)
  const zonesBefore = new Set<string | undefined>()
  const zonesAfter = new Set<string | undefined>()
  /** The previous positions of members that are now among the first n and were not before. */
  const cameFrom = new Set<number>()
  for (let n = 1; n <= swap.with; n++) {
    zonesBefore.add(members[list[n - 1] as number]?.zone)
    zonesAfter.add(members[after[n - 1] as number]?.zone)
    if (zonesAfter.size < zonesBefore.size) return false
    const rankOfNext = rank[after[n - 1] as number] as number
    if (rankOfNext >= n) cameFrom.add(rankOfNext)
    cameFrom.delete(n - 1)
    if (cameFrom.size > 1) return false
  }
  return true
}

function apply(list: number[], swap: Swap): void {
  const taken = list[swap.at] as number
  list[swap.at] = list[swap.with] as number
  list[swap.with] = taken
}

/** The position of each member in the list, by member index. */
function ranksOf(list: readonly number[]): number[] {
  const ranks: number[] = []
  list.forEach((i, position) => {
    ranks[i] = position
  })
  return ranks
}
