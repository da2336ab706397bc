/**
 * Brings accesses into the steps that the causal checks take. A compare-and-set becomes two steps of its session, a read
 * and a write; a failed one becomes a read. The order of the steps respects cause and effect: each comes after the
 * earlier ones of its session, and after the writes that it read.
 */
import type { Operation } from '../history/operation.ts'
import type { ReadStep, Step, StrangeValue, WriteStep } from '../causal/step.ts'
import { cyclesOf } from '../causal/components.ts'
import { type Access, isPlain } from './access.ts'
import { shortestCycle } from './shortest-cycle.ts'

interface CausalSteps {
  readonly steps: readonly Step[]
  /** Accesses that each come before the next, and the last before the first; empty if there are none. */
  readonly cycle: readonly Access[]
}

/** A step before it has a place. */
interface Part {
  readonly access: Access
  readonly isRead: boolean
  /** The parts whose values it read; empty if it is not a read. */
  sources: readonly Part[]
  strange: readonly StrangeValue[]
  /** The part before it in its session. */
  readonly before: Part | undefined
}

/** Reads whose origin is in doubt are left out, or are taken for reads of the newest possible origin. */
export function causalStepsOf(
  all: readonly Access[],
  doubtful: 'leave out' | 'newest',
): CausalSteps {
  const parts = partsOf(all, doubtful)
  const cycle = cutCycles(parts)
  return { steps: placed(inOrder(parts)), cycle }
}

function partsOf(all: readonly Access[], doubtful: 'leave out' | 'newest'): Part[] {
  const parts: Part[] = []
  const writes = new Map<Access, Part>()
  const last = new Map<number, Part>()
  const begin = (access: Access, isRead: boolean): Part => {
    const before = last.get(access.session)
    const part: Part = { access, isRead, sources: [], strange: [], before }
    parts.push(part)
    last.set(access.session, part)
    return part
  }
  const reads: Part[] = []
  for (const access of all) {
    const { answers, isCertain, left } = access
    const isTold = doubtful === 'newest' || answers.every((answer) => isPlainOrFaulty(answer))
    if (answers.length > 0 && isCertain && isTold) reads.push(begin(access, true))
    if (left !== undefined) writes.set(access, begin(access, false))
  }
  for (const read of reads) {
    const sources = new Set<Part>()
    const strange: StrangeValue[] = []
    for (const { value, givers, fault } of read.access.answers) {
      const giver = givers.at(-1)
      const source = giver && writes.get(giver)
      if (source !== undefined) sources.add(source)
      if (fault !== undefined) strange.push(strangeValue(JSON.stringify(value)))
    }
    read.sources = [...sources]
    read.strange = strange
  }
  return parts
}

function isPlainOrFaulty(answer: Access['answers'][number]): boolean {
  return answer.fault !== undefined || isPlain(answer)
}

function strangeValue(id: string): StrangeValue {
  return { id, why: 'invented', writer: undefined }
}

/** Sets aside the reads on cycles. Returns the accesses of a small cycle. */
function cutCycles(parts: readonly Part[]): readonly Access[] {
  // A cycle needs a compare-and-set, because a plain read of a value ends after its write has begun.
  if (!parts.some(({ access, isRead }) => isRead && access.left !== undefined)) return []
  const places = new Map(parts.map((part, place) => [part, place]))
  const edges = parts.map((): number[] => [])
  for (const [place, part] of parts.entries()) {
    const past = pastOf(part)
    for (const cause of past === undefined ? part.sources : [...part.sources, past]) {
      edges[places.get(cause) as number]?.push(place)
    }
  }
  let smallest: readonly Access[] = []
  for (const component of cyclesOf(edges)) {
    const own = new Set(component.map((place) => parts[place] as Part))
    const cycle = shortestCycle(edges, component).map((place) => parts[place] as Part)
    const accesses = neededOf(cycle)
    if (smallest.length === 0 || accesses.length < smallest.length) smallest = accesses
    for (const part of own) {
      const kept = part.sources.filter((source) => !own.has(source))
      if (kept.length === part.sources.length) continue
      part.sources = kept
      part.strange = [...part.strange, strangeValue('cycle')]
    }
  }
  return smallest
}

/** The newest earlier part of its session that certainly happened. */
function pastOf({ before }: Part): Part | undefined {
  let past = before
  while (past?.access.isCertain === false) past = past.before
  return past
}

/** The accesses of a cycle, without those that only lie between two others of their session. */
function neededOf(cycle: readonly Part[]): readonly Access[] {
  const isNextInSession = (from: Part, to: Part): boolean =>
    from.access.session === to.access.session && !to.sources.includes(from)
  const needed = cycle.filter((part, i) => {
    const before = cycle.at(i - 1) as Part
    const after = cycle[(i + 1) % cycle.length] as Part
    return !(isNextInSession(before, part) && isNextInSession(part, after))
  })
  return [...new Set(needed.map(({ access }) => access))].sort((a, b) => a.id - b.id)
}

/** Each part after its causes; otherwise in the order in which reads ended and writes began. */
function inOrder(parts: readonly Part[]): Part[] {
  const byMoment = parts.toSorted((a, b) => momentOf(a) - momentOf(b))
  const order: Part[] = []
  const isPlaced = new Set<Part>()
  for (const part of byMoment) {
    const open = [part]
    for (let next = open.at(-1); next !== undefined; next = open.at(-1)) {
      const { sources, before } = next
      const causes = before === undefined ? sources : [before, ...sources]
      const missing = causes.filter((cause) => !isPlaced.has(cause))
      if (missing.length > 0 && !isPlaced.has(next)) {
        open.push(...missing)
        continue
      }
      open.pop()
      if (isPlaced.has(next)) continue
      isPlaced.add(next)
      order.push(next)
    }
  }
  return order
}

function momentOf({ access, isRead }: Part): number {
  const { firstIndex, lastIndex } = access.operation
  return isRead && access.left === undefined ? lastIndex : firstIndex
}

function placed(order: readonly Part[]): Step[] {
  const writes = new Map<Part, WriteStep>()
  return order.map((part, place): ReadStep | WriteStep => {
    const { access, isRead, sources, strange } = part
    const { key } = access
    if (!isRead) {
      const operation = written(access)
      const write: WriteStep = { type: 'write', place, key, isDelete: false, operation }
      writes.set(part, write)
      return write
    }
    return {
      type: 'read',
      place,
      key,
      sources: sources.flatMap((source) => writes.get(source) ?? []),
      strange,
      operation: access.operation.f === 'cas' ? compared(access) : access.operation,
    }
  })
}

function written({ operation, left = null }: Access): Operation {
  return operation.f === 'cas' ? { ...operation, f: 'write', input: left, output: left } : operation
}

/** A failed compare-and-set is a read that succeeded: its client learnt something. */
function compared({ operation, answers }: Access): Operation {
  return { ...operation, f: 'read', outcome: 'ok', output: answers[0]?.value ?? null }
}
