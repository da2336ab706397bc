/**
 * Checks causal convergence (CyclicCF of Bouajjani, Enea, Guerraoui, Hamza 2017). A session that knows of a write but
 * reads the value of another write of the key orders the known write before the read one. If these orders contradict
 * each other, or the causal order, the sessions cannot all have read from one order: kind `divergent order`.
 *
 * The check assumes that a key holds one value, the last in such an order. It does not judge a history in which a read
 * returned several values. It does not judge a history with deletes either: if siblings exist, a delete may remove one
 * of two values, and the other is then read alone although no order put it last.
 */
import type { Operation } from '../history/operation.ts'
import { momentWords, valuesWords } from './chain-words.ts'
import { cyclesOf } from './components.ts'
import type { Finding, Told } from './finding.ts'
import { newestKnown } from './key-writes.ts'
import type { Judging } from './overwritten-reads.ts'
import type { ReadStep, Step, WriteStep } from './step.ts'
import { edgesOf } from './step-edges.ts'
import { nameOf } from '../verdict/wording.ts'

/** The reader knew of `from`, and read `to`. */
interface Conflict {
  readonly from: WriteStep
  readonly to: WriteStep
  readonly read: ReadStep
}

/** A strongly connected component: each of its steps comes before every other one. */
interface Knot {
  readonly places: ReadonlySet<number>
  /** Sorted by read, the earliest first. */
  readonly conflicts: Conflict[]
}

/** How many conflicts of a knot are tried in the search for its smallest cycle. */
const TRIED_MAX = 20

/** Returns one finding for each knot of cycles. `judged` are the reads without any other finding. */
export function divergentOrders(judging: Judging, judged: readonly ReadStep[]): Finding[] {
  const { steps } = judging.order
  if (!isOneValued(steps)) return []
  const conflicts = conflictsOf(judging, judged)
  if (conflicts.length === 0) return []
  const causes = edgesOf(steps)
  const edges = causes.map((own) => [...own])
  for (const { from, to } of conflicts) edges[from.place]?.push(to.place)
  return knotsOf(edges, conflicts).map((knot) => {
    const { read } = knot.conflicts[0] as Conflict
    return {
      kind: 'divergent order',
      key: read.key,
      culprit: read.operation,
      tell: () => tellOf(smallestCycle(causes, knot)),
    }
  })
}

/** The components that have cycles, each with its conflicts. */
function knotsOf(edges: readonly (readonly number[])[], conflicts: readonly Conflict[]): Knot[] {
  const knots: Knot[] = []
  const knotAt = new Map<number, Knot>()
  for (const places of cyclesOf(edges)) {
    const knot = { places: new Set(places), conflicts: [] }
    knots.push(knot)
    for (const place of places) knotAt.set(place, knot)
  }
  for (const conflict of conflicts) {
    const knot = knotAt.get(conflict.from.place)
    if (knot !== undefined && knot === knotAt.get(conflict.to.place)) {
      knot.conflicts.push(conflict)
    }
  }
  return knots
}

function isOneValued(steps: readonly Step[]): boolean {
  return steps.every((step) =>
    step.type === 'read' ? step.sources.length + step.strange.length < 2 : !step.isDelete,
  )
}

/**
 * The conflicts that do not follow from others. A pair that the causal order already orders needs no conflict. Of each
 * session only the newest known write counts, because the older ones come before it. The writes that the reader knew at
 * its last read of the key come before the value of that read, so only that value needs a conflict with the new one.
 */
function conflictsOf({ order, written }: Judging, judged: readonly ReadStep[]): Conflict[] {
  const conflicts: Conflict[] = []
  /** The last read of each session and key. */
  const lastReads = new Map<number, Map<string, ReadStep>>()
  for (const read of judged) {
    const [to] = read.sources
    const writes = written.get(read.key)
    if (to === undefined || writes === undefined) continue
    const { session } = read.operation
    const last = lastReads.get(session) ?? new Map<string, ReadStep>()
    lastReads.set(session, last)
    const before = last.get(read.key)
    last.set(read.key, read)
    for (const from of newestKnown(order, writes, read)) {
      const isImplied = before !== undefined && order.isBefore(from, before)
      if (!isImplied && from !== to && !order.isBefore(from, to)) conflicts.push({ from, to, read })
    }
    const [from] = before?.sources ?? []
    if (from !== undefined && from !== to && !order.isBefore(from, to)) {
      conflicts.push({ from, to, read })
    }
  }
  return conflicts
}

/** The conflicts of a cycle with few conflicts, in the order of the cycle. */
function smallestCycle(causes: readonly (readonly number[])[], knot: Knot): Conflict[] {
  const { conflicts } = knot
  const byPlace = Map.groupBy(conflicts, ({ from }) => from.place)
  let smallest: Conflict[] | undefined
  for (const first of conflicts.slice(0, TRIED_MAX)) {
    const back = fewestConflicts(
      (place) => (causes[place] ?? []).filter((next) => knot.places.has(next)),
      (place) => byPlace.get(place) ?? [],
      first.to.place,
      first.from.place,
    )
    if (back !== undefined && (smallest === undefined || back.length + 1 < smallest.length)) {
      smallest = [first, ...back]
    }
  }
  return smallest ?? []
}

/** The path with the fewest conflicts from one step to another. Edges of cause and effect cost nothing. */
function fewestConflicts(
  causesOf: (place: number) => readonly number[],
  conflictsFrom: (place: number) => readonly Conflict[],
  from: number,
  to: number,
): Conflict[] | undefined {
  /** For each reached place, the last conflict on the path to it. */
  const ways = new Map<number, Conflict | undefined>([[from, undefined]])
  let places = [from]
  while (places.length > 0) {
    for (const place of places) {
      for (const next of causesOf(place)) {
        if (ways.has(next)) continue
        ways.set(next, ways.get(place))
        places.push(next)
      }
    }
    if (ways.has(to)) return followBack(ways, to)
    const further: number[] = []
    for (const place of places) {
      for (const conflict of conflictsFrom(place)) {
        if (ways.has(conflict.to.place)) continue
        ways.set(conflict.to.place, conflict)
        further.push(conflict.to.place)
      }
    }
    places = further
  }
  return undefined
}

function followBack(ways: ReadonlyMap<number, Conflict | undefined>, to: number): Conflict[] {
  const back: Conflict[] = []
  for (let last = ways.get(to); last !== undefined; last = ways.get(last.from.place))
    back.push(last)
  return back.reverse()
}

function tellOf(cycle: readonly Conflict[]): Told {
  const words = cycle.map(({ from, to, read }, i) => {
    const follows = (cycle[i + 1] ?? cycle[0]) as Conflict
    const then =
      follows.from === to
        ? ''
        : `; ${writeWords(to.operation)} causally precedes ${writeWords(follows.from.operation)}`
    return `client ${read.operation.session} knew of ${writeWords(from.operation)}, then read ${valuesWords([to.operation.input])} ${momentWords(read.operation)}${then}`
  })
  return {
    words: `the clients saw these writes in contradictory orders: ${words.join('; ')}`,
    operations: cycle.flatMap(({ from, to, read }) => [
      from.operation,
      to.operation,
      read.operation,
    ]),
  }
}

function writeWords({ input, key }: Operation): string {
  return `${valuesWords([input])} in ${nameOf(key ?? '')}`
}
