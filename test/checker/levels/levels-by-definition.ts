/**
 * The levels by their definitions: every order is tried, every origin of a doubtful answer, and every pair of a closed
 * relation. Slow, and it shares nothing with the ladder but the pairing of events.
 */
import type { HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import { operationsOf, type Operation } from '../../../src/checker/history/operation.ts'
import type { Level } from '../../../src/checker/levels/level.ts'
import { isLinearizable } from '../linear/brute-force.ts'

/** Whether a history satisfies each level. Every register begins without a value. */
export function levelsByDefinition(history: readonly HistoryEvent[]): Record<Level, boolean> {
  const operations = operationsOf(history)
  const deeds = deedsOf(operations)
  const causal = assignmentsOf(deeds).map((origins) => brokenBy(deeds, origins))
  const some = (level: string): boolean => causal.some((broken) => !broken.has(level))
  return {
    linearizable: [...Map.groupBy(operations, ({ key }) => key).values()].every((own) =>
      isLinearizable(own, null),
    ),
    sequential: isSequential(deeds),
    causal: some('causal'),
    'monotonic reads': some('monotonic reads'),
    'monotonic writes': some('monotonic writes'),
    'read your writes': some('read your writes'),
    'writes follow reads': some('writes follow reads'),
    'no lost writes': !isLost(operations, deeds),
  }
}

interface Deed {
  readonly operation: Operation
  readonly key: string
  readonly session: number
  readonly first: number
  readonly last: number
  /** Not of unknown outcome. */
  readonly isCertain: boolean
  readonly seen: readonly Seen[]
  readonly left: Json | undefined
}

/** The register held the value, or, if `isOther`, any other one. */
interface Seen {
  readonly value: Json
  readonly isOther: boolean
}

function deedsOf(operations: readonly Operation[]): Deed[] {
  return operations.flatMap((operation): Deed[] => {
    const { f, outcome, key = '', session, input, output, error, firstIndex, lastIndex } = operation
    const deed: Deed = {
      operation,
      key,
      session,
      first: firstIndex,
      last: outcome === 'info' ? Infinity : lastIndex,
      isCertain: outcome !== 'info',
      seen: [],
      left: undefined,
    }
    const seen = (value: Json, isOther = false): Seen => ({ value, isOther })
    if (f === 'read') {
      if (outcome !== 'ok') return []
      const values = Array.isArray(output) ? (output as Json[]) : [output]
      return [{ ...deed, seen: values.map((value) => seen(value)) }]
    }
    if (f === 'cas') {
      const [expected, next] = input as [Json, Json]
      if (outcome !== 'fail') return [{ ...deed, seen: [seen(expected)], left: next }]
      return error === 'mismatch' ? [{ ...deed, seen: [seen(expected, true)] }] : []
    }
    return outcome === 'fail' ? [] : [{ ...deed, left: f === 'delete' ? null : input }]
  })
}

/** Tries every order that keeps the order of each session. A value is read only after its write has begun. */
function isSequential(deeds: readonly Deed[]): boolean {
  const initial = -1
  const tried = new Set<string>()
  const search = (done: ReadonlySet<number>, held: ReadonlyMap<string, number>): boolean => {
    if (deeds.every(({ isCertain }, i) => !isCertain || done.has(i))) return true
    const name = JSON.stringify([
      deeds.map((_, i) => done.has(i)),
      [...held].sort(([a], [b]) => (a < b ? -1 : 1)),
    ])
    if (tried.has(name)) return false
    tried.add(name)
    return deeds.some((deed, i) => {
      const { session, key, seen, left, last } = deed
      if (done.has(i)) return false
      const comesFirst = (other: Deed, j: number): boolean =>
        j < i && other.session === session && other.isCertain && !done.has(j)
      if (deeds.some(comesFirst)) return false
      const from = held.get(key) ?? initial
      const value = from === initial ? null : (deeds[from]!.left ?? null)
      const isBegun = from === initial || deeds[from]!.first < last
      const isRight = seen.every((each) => isBegun && (value === each.value) !== each.isOther)
      if (seen.length > 1 || !isRight) return false
      const then = left === undefined ? held : new Map([...held, [key, i]])
      return search(new Set([...done, i]), then)
    })
  }
  return search(new Set(), new Map())
}

/** For each answer of each deed where it came from: a deed, 'initial', or undefined if it came from nowhere. */
type Origins = readonly (readonly (number | 'initial' | undefined)[])[]

function assignmentsOf(deeds: readonly Deed[]): Origins[] {
  let assignments: (number | 'initial' | undefined)[][][] = [[]]
  for (const [i, { seen, isCertain }] of deeds.entries()) {
    let own: (number | 'initial' | undefined)[][] = [[]]
    if (isCertain) {
      for (const each of seen) {
        const from = originsOf(deeds, i, each)
        const choices = from.length > 0 ? from : [undefined]
        own = own.flatMap((before) => choices.map((choice) => [...before, choice]))
      }
    }
    assignments = assignments.flatMap((before) => own.map((each) => [...before, each]))
  }
  return assignments
}

function originsOf(
  deeds: readonly Deed[],
  reader: number,
  { value, isOther }: Seen,
): (number | 'initial')[] {
  const { key, last } = deeds[reader]!
  const givers = [...deeds.keys()].filter((i) => {
    const { key: own, left, first } = deeds[i]!
    const isRight = left !== undefined && (left === value) !== isOther
    return i !== reader && own === key && isRight && first < last
  })
  return (value === null) === isOther ? givers : ['initial', ...givers]
}

interface Part {
  readonly deed: number
  readonly isRead: boolean
}

function brokenBy(deeds: readonly Deed[], origins: Origins): Set<string> {
  const parts: Part[] = [...deeds.keys()].flatMap((deed) => {
    const { seen, isCertain, left } = deeds[deed]!
    const read = seen.length > 0 && isCertain ? [{ deed, isRead: true }] : []
    return left === undefined ? read : [...read, { deed, isRead: false }]
  })
  const all = [...parts.keys()]
  const of = (p: number): Deed => deeds[parts[p]!.deed]!
  const writeOf = (deed: number): number =>
    parts.findIndex((part) => part.deed === deed && !part.isRead)
  const isThen = (a: number, b: number): boolean =>
    a < b && of(a).session === of(b).session && of(a).isCertain
  const sourcesOf = (p: number): number[] =>
    parts[p]!.isRead
      ? (origins[parts[p]!.deed] ?? []).flatMap((from) =>
          typeof from === 'number' ? [writeOf(from)] : [],
        )
      : []
  const relation = (sources: readonly (readonly number[])[]): boolean[][] =>
    close(all.map((a) => all.map((b) => isThen(a, b) || sources[b]!.includes(a))))
  const told = all.map(sourcesOf)
  const cyclic = relation(told)
  const broken = new Set<string>()
  if (all.some((p) => cyclic[p]![p])) broken.add('causal')
  // The reads of a cycle are set aside.
  const sources = told.map((own, p) => own.filter((w) => !(cyclic[p]![w] && cyclic[w]![p])))
  const before = relation(sources)
  for (const r of all) {
    if (!parts[r]!.isRead) continue
    const { key, session } = of(r)
    const isStrange =
      (origins[parts[r]!.deed] ?? []).includes(undefined) || sources[r]!.length < told[r]!.length
    if ((origins[parts[r]!.deed] ?? []).includes(undefined)) broken.add('causal')
    const writes = all.filter((w) => !parts[w]!.isRead && of(w).key === key)
    const known = writes.filter((w) => before[w]![r])
    const isEmpty = sources[r]!.length === 0
    if (isEmpty && !isStrange && known.length > 0) broken.add('causal')
    if (sources[r]!.some((s) => known.some((w) => before[s]![w]))) broken.add('causal')
    const isOlder = (w: number): boolean =>
      !isStrange && (isEmpty || sources[r]!.every((s) => before[s]![w]))
    const missed = writes.filter(isOlder)
    const acknowledged = missed.filter((w) => of(w).operation.outcome === 'ok')
    if (acknowledged.some((w) => isThen(w, r))) broken.add('read your writes')
    const readBy = (p: number): number[] =>
      all.filter((q) => sources[q]!.length > 0 && isThen(q, p))
    if (missed.some((w) => readBy(r).some((q) => sources[q]!.includes(w)))) {
      broken.add('monotonic reads')
    }
    const seen = readBy(r)
      .flatMap((q) => sources[q]!)
      .filter((w) => of(w).session !== session)
    if (acknowledged.some((w) => seen.some((later) => isThen(w, later)))) {
      broken.add('monotonic writes')
    }
    if (
      missed.some((w) => seen.some((later) => readBy(later).some((q) => sources[q]!.includes(w))))
    ) {
      broken.add('writes follow reads')
    }
  }
  return broken
}

/** Floyd and Warshall. */
function close(relation: boolean[][]): boolean[][] {
  for (const k of relation.keys()) {
    for (const row of relation) {
      if (!row[k]) continue
      for (const [j, isBefore] of relation[k]!.entries()) if (isBefore) row[j] = true
    }
  }
  return relation
}

function isLost(operations: readonly Operation[], deeds: readonly Deed[]): boolean {
  const plain = deeds.map((deed, i) => {
    if (!deed.isCertain) return []
    return deed.seen.flatMap((each) => {
      const from = originsOf(deeds, i, each)
      return from.length === 1 ? from : []
    })
  })
  /** The first event by which the write had certainly taken effect. */
  const shownAt = (w: number): number => {
    const own = deeds[w]!.operation.outcome === 'ok' ? deeds[w]!.last : Infinity
    const reads = [...deeds.keys()].filter((r) => plain[r]!.includes(w))
    return Math.min(own, ...reads.map((r) => deeds[r]!.last))
  }
  return deeds.some((lost) => {
    if (lost.left === undefined || lost.operation.outcome !== 'ok') return false
    const changes = operations.filter(({ f, key }) => f !== 'read' && (key ?? '') === lost.key)
    const end = Math.max(...changes.map(({ lastIndex }) => lastIndex))
    const after = [...deeds.keys()].filter((r) => {
      const { key, operation } = deeds[r]!
      return key === lost.key && operation.f === 'read' && operation.firstIndex > end
    })
    const last = after.filter((r) => {
      const isLater = (other: number): boolean =>
        deeds[other]!.operation.node === deeds[r]!.operation.node &&
        deeds[other]!.last > deeds[r]!.last
      return !after.some(isLater)
    })
    const isOlder = (r: number): boolean =>
      deeds[r]!.seen.every((each) => {
        const from = originsOf(deeds, r, each)
        return from.length > 0 && from.every((w) => w === 'initial' || shownAt(w) < lost.first)
      })
    return last.length > 0 && last.every(isOlder)
  })
}
