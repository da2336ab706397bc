/** Decides whether the operations on one object can be ordered. If not, it finds a few of them that prove it. */
import type { Json } from '../history/history.ts'
import { dropIdleAvoidance } from './avoidance.ts'
import type { LinearObject } from './object.ts'
import { Scratch } from './scratch.ts'
import { ANY, FOLLOWS, type Problem, SAME, type StateId, type Step } from './search-problem.ts'
import type { Limits, Outcome } from './outcome.ts'
import { search } from './search.ts'
import { type Steps, tableOf } from './step-table.ts'
import { problemOf } from './table-problem.ts'
import { decideUnique } from './unique-values.ts'

/** Sizes of the windows before the dead end in which the smallest evidence is searched. */
const WINDOWS = [8, 16, 32, 64, 128, 256]
/** The time limits of one small search that makes the evidence smaller, and of all of them together. */
const TRIAL_MS = 200
const TRIALS_MS = 3000

export interface Decided {
  /** Its operations are rows of the table. */
  readonly outcome: Outcome
  readonly steps: Steps
}

export interface Core {
  /** Rows of the table, in the order of invocation. These operations alone cannot be ordered. */
  readonly sources: readonly number[]
  /**
   * The index of the event before which the object may have held any value; undefined if the operations begin with the
   * initial value.
   */
  readonly anyStateBefore: number | undefined
}

/**
 * `steps` are those of one object. The table loses the ones that make no difference. `initial` lists the values that the
 * object may hold at the start. `scratch` is reused.
 */
export function decide(
  steps: Steps,
  object: LinearObject,
  initial: readonly Json[],
  limits: Limits,
  scratch = new Scratch(),
): Decided {
  scratch.reuse()
  dropIdleAvoidance(steps)
  const states = initial.map((value) => object.stateOf(value))
  const problem = problemOf(steps, states, object.follows, scratch)
  return { outcome: inRows(outcomeOf(problem, limits), problem), steps }
}

function inRows(outcome: Outcome, { rows }: Problem): Outcome {
  if (outcome.type === 'linearizable') {
    return { ...outcome, order: outcome.order.map((op) => rows[op] as number) }
  }
  if (outcome.type === 'unknown') return outcome
  return { ...outcome, op: rows[outcome.op] as number }
}

/** The search also runs if the quick test found a contradiction, because it tells better where the order ends. */
function outcomeOf(problem: Problem, limits: Limits): Outcome {
  const quick = decideUnique(problem)
  if (quick?.type === 'linearizable') return quick
  const searched = search(problem, limits)
  return quick !== undefined && searched.type === 'unknown' ? quick : searched
}

/**
 * Makes the evidence of a history that is not linearizable as small as it can. It always succeeds, but may stay large.
 */
export function smallestCore(
  decided: Decided & { readonly outcome: { readonly type: 'not-linearizable' } },
  object: LinearObject,
  initial: readonly Json[],
  limits: Pick<Limits, 'nowMs' | 'memoBytesMax'>,
): Core {
  const { steps, outcome } = decided
  const culprit = steps.table.stepOf(outcome.op)
  // Operations invoked after the culprit's return do not matter. Those that were open then count as crashed.
  const before = listed(steps)
    .filter(({ firstIndex }) => firstIndex < culprit.lastIndex)
    .map((step) => (step.lastIndex > culprit.lastIndex ? { ...step, isCrashed: true } : step))
  const endMs = limits.nowMs() + TRIALS_MS
  const scratch = new Scratch()
  const isProof = (some: readonly Step[], states: readonly StateId[]): boolean => {
    const nowMs = limits.nowMs()
    if (nowMs > endMs) return false
    const trial = { ...limits, deadlineMs: nowMs + TRIAL_MS }
    scratch.reuse()
    const problem = problemOf(tableOf(some), states, object.follows, scratch)
    return search(problem, trial).type === 'not-linearizable'
  }
  const start = initial.map((value) => object.stateOf(value))
  for (const size of WINDOWS) {
    if (size >= before.length) break
    const window = before.slice(-size)
    // Operations that began before the window may still take effect in it.
    const first = (window[0] as Step).firstIndex
    const open = before.slice(0, -size).filter((step) => step.isCrashed || step.lastIndex > first)
    const all = [...open.map((step) => ({ ...step, isCrashed: true })), ...window]
    const any = statesOf(all)
    if (any === undefined || !isProof(all, any)) continue
    const kept = shrink(all, (some) => isProof(some, any))
    return { sources: kept.map(({ source }) => source), anyStateBefore: first }
  }
  const kept = shrink(before, (some) => isProof(some, start))
  return { sources: kept.map(({ source }) => source), anyStateBefore: undefined }
}

function listed({ table, events }: Steps): Step[] {
  const rows = events.filter((event) => event >= 0 && table.has(event))
  return Array.from(rows, (row) => table.stepOf(row))
}

/**
 * Every state that makes a difference to the operations, and one that makes none; undefined if these are not known in
 * advance.
 */
function statesOf(steps: readonly Step[]): StateId[] | undefined {
  const states = new Set<StateId>()
  let last = 0
  for (const { needs, avoids, gives } of steps) {
    if (gives === FOLLOWS) return undefined
    if (needs !== ANY) states.add(needs)
    if (avoids !== ANY) states.add(avoids)
    last = Math.max(last, needs, avoids, gives)
  }
  return [...states, last + 1]
}

/**
 * Drops operations that the proof does not need: half of them at once, then a quarter, and at last one by one. A
 * dropped write stays as a crashed one, which may take effect at any later time. Otherwise the rest could prove
 * something that never happened.
 */
function shrink(
  steps: readonly Step[],
  isProof: (some: readonly Step[]) => boolean,
): readonly Step[] {
  const kept = new Set(steps)
  const without = (cut: ReadonlySet<Step>): Step[] => {
    const stays = (step: Step): boolean => kept.has(step) && !cut.has(step)
    const needed = new Set<StateId>()
    let isAnyNeeded = false
    for (const step of steps) {
      if (stays(step) || step.gives !== SAME) needed.add(step.needs)
      if (step.gives === FOLLOWS || (stays(step) && step.avoids !== ANY)) isAnyNeeded = true
    }
    return steps.flatMap((step) => {
      if (stays(step)) return [step]
      const isUseful = step.gives !== SAME && (isAnyNeeded || needed.has(step.gives))
      return isUseful ? [{ ...step, isCrashed: true }] : []
    })
  }
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    const order = [...kept]
    for (let at = order.length; at > 0; at -= size) {
      const cut = new Set(order.slice(Math.max(0, at - size), at))
      if (isProof(without(cut))) for (const step of cut) kept.delete(step)
    }
  }
  // Keep the writers of read values too, so that people see where the values came from.
  const seen = new Set([...kept].map(({ needs }) => needs).filter((state) => state !== ANY))
  return steps.filter((step) => kept.has(step) || seen.has(step.gives))
}
