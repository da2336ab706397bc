/**
 * What the search decides: the operations on one object as numbers, so that a million of them fit and a step
 * costs a few comparisons. Everything that a model means is in `needs`, `avoids` and `gives`.
 */

/** Of `needs` and `avoids`: any state will do. */
export const ANY = -1
/** Of `gives`: the state stays as it is. */
export const SAME = -1
/** Of `gives`: the state that follows is told by `Problem.follows`. */
export const FOLLOWS = -2

/** A state is a whole number from 0; equal states have the same. */
export type StateId = number

export interface Problem {
  /** Operations, in the order of their invocation. */
  readonly count: number
  /** `op`: it is invoked. `~op`: it returns. In the order in which it happened; crashed ones never return. */
  readonly events: Int32Array
  /** 1: of unknown outcome. It may take effect at any later time, or never. */
  readonly isCrashed: Uint8Array
  /** The state in which the operation can take effect. */
  readonly needs: Int32Array
  /** The state in which it cannot. */
  readonly avoids: Int32Array
  /** The state after it. */
  readonly gives: Int32Array
  /** Operations of one class do the same; 0 where they change nothing. */
  readonly classes: Int32Array
  /** States to begin with, one of which must do. */
  readonly initial: readonly StateId[]
  /** The state after an operation whose `gives` is FOLLOWS. */
  readonly follows: (state: StateId, op: number) => StateId
}

/** What is known of one operation, before it is one of many. */
export interface Step {
  /** Its place in the list of operations that the problem was made of. */
  readonly source: number
  readonly isCrashed: boolean
  /** Indexes of its events in the history. */
  readonly firstIndex: number
  readonly lastIndex: number
  readonly needs: StateId
  readonly avoids: StateId
  readonly gives: StateId
  /** Distinguishes what FOLLOWS gives; 0 elsewhere. */
  readonly argument: number
}

/** States are fewer, so that two make one whole number. */
const STATES_MAX = 2 ** 26

/** `steps` in the order of their invocation. */
export function problemOf(
  steps: readonly Step[],
  initial: readonly StateId[],
  follows: (state: StateId, argument: number) => StateId,
): Problem {
  const count = steps.length
  const needs = new Int32Array(count)
  const avoids = new Int32Array(count)
  const gives = new Int32Array(count)
  const classes = new Int32Array(count)
  const isCrashed = new Uint8Array(count)
  const known = new Map<number, number>()
  let returned = 0
  for (let op = 0; op < count; op++) {
    const step = steps[op] as Step
    needs[op] = step.needs
    avoids[op] = step.avoids
    gives[op] = step.gives
    isCrashed[op] = step.isCrashed ? 1 : 0
    if (!step.isCrashed) returned++
    if (step.gives === SAME) continue
    const name =
      step.gives === FOLLOWS ? -1 - step.argument : (step.needs + 1) * STATES_MAX + step.gives
    const found = known.get(name) ?? known.size + 1
    classes[op] = found
    if (found > known.size) known.set(name, found)
  }
  // By the time of the return; the operation is in the rest.
  const returns = new Float64Array(returned)
  let at = 0
  for (let op = 0; op < count; op++) {
    if (isCrashed[op] === 0) returns[at++] = (steps[op] as Step).lastIndex * count + op
  }
  returns.sort()
  const events = new Int32Array(count + returned)
  let next = 0
  at = 0
  for (const place of returns) {
    const op = place % count
    const end = (steps[op] as Step).lastIndex
    while (next < count && (steps[next] as Step).firstIndex < end) events[at++] = next++
    events[at++] = ~op
  }
  while (next < count) events[at++] = next++
  return {
    count,
    events,
    isCrashed,
    needs,
    avoids,
    gives,
    classes,
    initial,
    follows: (state, op) => follows(state, (steps[op] as Step).argument),
  }
}
