/** Decides the operations on one object, and finds the few of them that show it where they cannot be ordered. */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import { withoutIdleAvoidance } from './avoidance.ts'
import type { LinearObject } from './object.ts'
import { ANY, FOLLOWS, problemOf, SAME, type StateId, type Step } from './search-problem.ts'
import type { Limits, Outcome } from './outcome.ts'
import { search } from './search.ts'

/** The last operations before the dead end among which the smallest evidence is looked for. */
const WINDOWS = [8, 16, 32, 64, 128, 256]
/** Of one of the many small searches that make evidence smaller. */
const TRIAL_MS = 200
const TRIALS_MS = 3000

export interface Decided {
  readonly outcome: Outcome
  readonly steps: readonly Step[]
}

export interface Core {
  /** Places in the list of operations, in the order of invocation: these alone cannot be ordered. */
  readonly sources: readonly number[]
  /**
   * The index of the event before which the object may have held anything; undefined where they begin with what
   * objects hold at the start.
   */
  readonly anyStateBefore: number | undefined
}

/** `operations`: of one object, by invocation. `initial`: what it may hold at the start. */
export function decide(
  operations: readonly Operation[],
  object: LinearObject,
  initial: readonly Json[],
  limits: Limits,
): Decided {
  const all: Step[] = []
  operations.forEach((operation, source) => {
    const step = object.stepOf(operation, source)
    if (step !== undefined) all.push(step)
  })
  const steps = withoutIdleAvoidance(all)
  const states = initial.map((value) => object.stateOf(value))
  return { outcome: search(problemOf(steps, states, object.follows), limits), steps }
}

/** Of a history that was decided to be not linearizable. Never fails: in the worst case it is not small. */
export function smallestCore(
  decided: Decided & { readonly outcome: { readonly type: 'not-linearizable' } },
  object: LinearObject,
  initial: readonly Json[],
  limits: Pick<Limits, 'nowMs' | 'memoBytesMax'>,
): Core {
  const { steps, outcome } = decided
  const culprit = steps[outcome.op] as Step
  // What was invoked after the culprit had returned has no part in it; what was open then may never return.
  const before = steps
    .filter(({ firstIndex }) => firstIndex < culprit.lastIndex)
    .map((step) => (step.lastIndex > culprit.lastIndex ? { ...step, isCrashed: true } : step))
  const endMs = limits.nowMs() + TRIALS_MS
  const isProof = (some: readonly Step[], states: readonly StateId[]): boolean => {
    const nowMs = limits.nowMs()
    if (nowMs > endMs) return false
    const trial = { ...limits, deadlineMs: nowMs + TRIAL_MS }
    return search(problemOf(some, states, object.follows), trial).type === 'not-linearizable'
  }
  const start = initial.map((value) => object.stateOf(value))
  for (const size of WINDOWS) {
    if (size >= before.length) break
    const window = before.slice(-size)
    // What had begun before the window may yet take effect in it.
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

/**
 * Every state that makes a difference to the operations, and one that makes none; undefined where these are not
 * known in advance.
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
 * Leaves out what the proof does not need, in halves, quarters, … and at last one by one. Of a write that is
 * left out only the time is: it may still have taken effect, or else what is left would prove something that
 * never happened.
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
  // A value that somebody saw is no riddle if it is told who wrote it.
  const seen = new Set([...kept].map(({ needs }) => needs).filter((state) => state !== ANY))
  return steps.filter((step) => kept.has(step) || seen.has(step.gives))
}
