/**
 * Causal convergence (CyclicCF of Bouajjani, Enea, Guerraoui, Hamza 2017): whoever reads a value, and knows of
 * another write of the key, puts that write before the one that it read. Sessions that put writes in orders
 * which contradict each other, or cause and effect, cannot all have read from one order: `divergent order`.
 *
 * This supposes that a key holds one value, the last of such an order. Where values are kept side by side there
 * is none; so a history where a read returned several is not judged. Nor is one with deletes: side by side, a
 * delete takes away one of two values, and the other is then read alone although nothing put it last.
 */
import type { Operation } from '../history/operation.ts'
import { keyWords, momentWords, valuesWords } from './chain-words.ts'
import { cyclesOf } from './components.ts'
import type { Finding, Told } from './finding.ts'
import { newestKnown } from './key-writes.ts'
import type { Judging } from './overwritten-reads.ts'
import type { ReadStep, Step, WriteStep } from './step.ts'
import { edgesOf } from './step-edges.ts'

/** The reader knew of `from`, and read `to`. */
interface Conflict {
  readonly from: WriteStep
  readonly to: WriteStep
  readonly read: ReadStep
}

/** Steps each of which comes before each other one. */
interface Knot {
  readonly places: ReadonlySet<number>
  /** The earliest read first. */
  readonly conflicts: Conflict[]
}

/** Of one knot of cycles, so many are looked at for the smallest. */
const TRIED_MAX = 20

/** One finding for each knot of cycles. `judged` are the reads that have nothing else wrong with them. */
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

/** Each component that has cycles. */
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
 * Those that nothing else implies. What the causal order puts first needs no conflict; an older write of a
 * session is before its newest; and what the reader knew when it last read the key was put before what it read
 * then, and so only that is put before what it reads now.
 */
function conflictsOf({ order, written }: Judging, judged: readonly ReadStep[]): Conflict[] {
  const conflicts: Conflict[] = []
  /** By session and key. */
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

/** The conflicts of a cycle that has few of them, in its order. */
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

/** From one step to another by cause and effect, which costs nothing, and by conflicts. */
function fewestConflicts(
  causesOf: (place: number) => readonly number[],
  conflictsFrom: (place: number) => readonly Conflict[],
  from: number,
  to: number,
): Conflict[] | undefined {
  /** By place the last conflict on the way there. */
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
        : `; ${writeWords(to.operation)} is among the causes of ${writeWords(follows.from.operation)}`
    return `session ${read.operation.session} knew of ${writeWords(from.operation)} and read ${valuesWords([to.operation.input])} ${momentWords(read.operation)}${then}`
  })
  return {
    words: `no order of the writes is the one that all have read from: ${words.join('; ')}`,
    operations: cycle.flatMap(({ from, to, read }) => [
      from.operation,
      to.operation,
      read.operation,
    ]),
  }
}

function writeWords({ input, key }: Operation): string {
  return `${valuesWords([input])} in ${keyWords(key ?? '')}`
}
