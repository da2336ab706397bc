/**
 * The causal and the session model by their definitions, in naive loops over a closed relation: slow, and with
 * nothing in common with what it is compared to but the form of a history.
 */
import type { Deed } from './causal-told.ts'

type Relation = boolean[][]

interface Naive {
  readonly deeds: readonly Deed[]
  /** co. */
  readonly before: Relation
  /** Writes that a read returned, by index; none that it cannot have read. */
  readonly sources: (readonly number[])[]
  /** Values that are strange. */
  readonly strange: (readonly string[])[]
  readonly counts: Record<string, number>
}

export function causalByDefinition(deeds: readonly Deed[]): Record<string, number> {
  const naive = relate(deeds)
  const { before, sources, counts } = naive
  const reads = readsOf(naive)
  const sound = reads.filter((r) => {
    const known = writesOf(naive, deeds[r]!.key).filter((w) => before[w]![r])
    const isReplaced = (w: number): boolean => known.some((other) => before[w]![other])
    if (isNothing(naive, r)) {
      const isGone = deletesBy(naive, r).some((d) => !isReplaced(d))
      if (known.length === 0 || isGone) return true
      add(counts, 'missingCause')
      return false
    }
    if (!sources[r]!.some((w) => isReplaced(w))) return true
    add(counts, 'staleRead')
    return false
  })
  const isOneValued =
    reads.every((r) => sources[r]!.length + naive.strange[r]!.length < 2) &&
    deeds.every(({ f, end }) => f !== 'delete' || end === 'fail')
  if (isOneValued) {
    const edges = before.map((row) => [...row])
    for (const r of sound) {
      for (const w of sources[r]!) {
        for (const other of writesOf(naive, deeds[r]!.key)) {
          if (other !== w && before[other]![r]) edges[other]![w] = true
        }
      }
    }
    close(edges)
    const knots = new Set<string>()
    for (const i of deeds.keys()) {
      if (edges[i]![i]) knots.add(deeds.map((_, j) => edges[i]![j] && edges[j]![i]).join())
    }
    if (knots.size > 0) counts['divergentOrder'] = knots.size
  }
  return counts
}

export function sessionByDefinition(deeds: readonly Deed[]): Record<string, number> {
  const naive = relate(deeds)
  const { before, sources, counts } = naive
  const isThen = (a: number, b: number): boolean =>
    deeds[a]!.session === deeds[b]!.session && before[a]![b]!
  const all = [...deeds.keys()]
  for (const r of readsOf(naive)) {
    const { key, session } = deeds[r]!
    const isOlder = (w: number): boolean => {
      if (naive.strange[r]!.length > 0) return false
      if (sources[r]!.length > 0) return sources[r]!.every((other) => before[other]![w])
      return deeds[w]!.f !== 'delete' && deletesBy(naive, r).every((d) => before[d]![w])
    }
    const missed = writesOf(naive, key).filter((w) => isOlder(w))
    const acknowledged = missed.filter((w) => deeds[w]!.end === 'ok')
    /** What other sessions wrote and this one has read by now. */
    const read = all.filter(
      (w) =>
        deeds[w]!.f === 'write' &&
        deeds[w]!.session !== session &&
        all.some((r1) => isThen(r1, r) && sources[r1]!.includes(w)),
    )
    if (acknowledged.some((w) => isThen(w, r))) add(counts, 'readYourWrites')
    if (missed.some((w) => all.some((r1) => isThen(r1, r) && sources[r1]!.includes(w))))
      add(counts, 'monotonicReads')
    if (acknowledged.some((w1) => read.some((w2) => isThen(w1, w2)))) add(counts, 'monotonicWrites')
    if (
      missed.some((w1) =>
        all.some((r1) => sources[r1]!.includes(w1) && read.some((w2) => isThen(r1, w2))),
      )
    )
      add(counts, 'writesFollowReads')
  }
  return counts
}

/** The causal order, closed. */
export function causesOf(deeds: readonly Deed[]): Relation {
  return relate(deeds).before
}

function relate(deeds: readonly Deed[]): Naive {
  const before: Relation = deeds.map(() => deeds.map(() => false))
  const sources: number[][] = deeds.map(() => [])
  const strange: string[][] = deeds.map(() => [])
  const future: [string, number, number][] = []
  const names = new Map<string, 'invented' | 'rejectedButApplied'>()
  for (const [r, { f, key, value, end }] of deeds.entries()) {
    if (f !== 'read' || end !== 'ok') continue
    const values = value === null ? [] : Array.isArray(value) ? value : [value]
    for (const each of new Set(values)) {
      const name = `${key} ${JSON.stringify(each)}`
      const w = deeds.findIndex(
        (deed) => deed.f === 'write' && deed.key === key && deed.value === each,
      )
      if (w >= 0 && deeds[w]!.end !== 'fail' && startOf(deeds, w) < endOf(deeds, r)) {
        sources[r]!.push(w)
        before[w]![r] = true
        continue
      }
      strange[r]!.push(name)
      const isRejected = w >= 0 && deeds[w]!.end === 'fail'
      if (w >= 0 && !isRejected) future.push([name, w, r])
      if (!names.has(name)) names.set(name, isRejected ? 'rejectedButApplied' : 'invented')
    }
  }
  for (const [i, first] of deeds.entries()) {
    for (const [j, second] of deeds.entries()) {
      if (first.session !== second.session || startOf(deeds, i) >= startOf(deeds, j)) continue
      if (first.end === 'ok' && isStep(second)) before[i]![j] = true
    }
  }
  const withFuture = before.map((row) => [...row])
  for (const [, w, r] of future) withFuture[w]![r] = true
  close(withFuture)
  close(before)
  const counts: Record<string, number> = {}
  for (const [name, kind] of names) {
    const isCycle = future.some(([own, w, r]) => own === name && withFuture[r]![w])
    add(counts, isCycle ? 'cycle' : kind)
  }
  return { deeds, before, sources, strange, counts }
}

function isStep({ f, end }: Deed): boolean {
  return f === 'read' ? end === 'ok' : end !== 'fail'
}

function startOf(deeds: readonly Deed[], i: number): number {
  return deeds[i]!.from ?? 2 * i
}

function endOf(deeds: readonly Deed[], i: number): number {
  return deeds[i]!.to ?? 2 * i + 1
}

function readsOf({ deeds }: Naive): number[] {
  return [...deeds.keys()].filter((i) => deeds[i]!.f === 'read' && deeds[i]!.end === 'ok')
}

function writesOf({ deeds }: Naive, key: string): number[] {
  return [...deeds.keys()].filter((i) => {
    const deed = deeds[i]!
    return deed.f !== 'read' && deed.end !== 'fail' && deed.key === key
  })
}

function deletesBy(naive: Naive, r: number): number[] {
  const { deeds } = naive
  return writesOf(naive, deeds[r]!.key).filter(
    (d) => deeds[d]!.f === 'delete' && startOf(deeds, d) < endOf(deeds, r),
  )
}

function isNothing({ sources, strange }: Naive, r: number): boolean {
  return sources[r]!.length === 0 && strange[r]!.length === 0
}

/** Floyd and Warshall. */
function close(relation: Relation): void {
  for (const k of relation.keys()) {
    for (const row of relation) {
      if (!row[k]) continue
      for (const [j, isBefore] of relation[k]!.entries()) if (isBefore) row[j] = true
    }
  }
}

function add(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1
}
