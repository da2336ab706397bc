/**
 * The input of the search: the operations on one object as numbers, so that a million of them fit and a step costs a
 * few comparisons. `needs`, `avoids` and `gives` express everything that a model says about an operation.
 */

/** A value of `needs` and `avoids`: any state will do. */
export const ANY = -1
/** A value of `gives`: the state does not change. */
export const SAME = -1
/** A value of `gives`: `Problem.follows` computes the next state. */
export const FOLLOWS = -2

/** A state is a whole number from 0. Equal states have equal numbers. */
export type StateId = number

export interface Problem {
  /** The number of operations. They are numbered in the order of their invocation. */
  readonly count: number
  /** The events in order: `op` for an invocation, `~op` for a return. Crashed operations never return. */
  readonly events: Int32Array
  /** 1 if the outcome is unknown: the operation may take effect at any later time, or never. */
  readonly isCrashed: Uint8Array
  /** The state in which the operation can take effect. */
  readonly needs: Int32Array
  /** The state in which the operation cannot take effect. */
  readonly avoids: Int32Array
  /** The state after the operation. */
  readonly gives: Int32Array
  /** Operations of one class do the same; 0 for operations that change nothing. */
  readonly classes: Int32Array
  /** Possible initial states. An order from one of them is enough. */
  readonly initial: readonly StateId[]
  /** The state after an operation whose `gives` is FOLLOWS. */
  readonly follows: (state: StateId, op: number) => StateId
}

/** One operation, before it becomes a part of the problem. */
export interface Step {
  /** Its index in the list of operations from which the problem is made. */
  readonly source: number
  readonly isCrashed: boolean
  /** Indexes of its events in the history. */
  readonly firstIndex: number
  readonly lastIndex: number
  readonly needs: StateId
  readonly avoids: StateId
  readonly gives: StateId
  /** The argument for `follows` if `gives` is FOLLOWS; otherwise 0. */
  readonly argument: number
}

/** There are fewer states than this, so that a pair of states fits into one whole number. */
const STATES_MAX = 2 ** 26

/** `steps` must be in the order of their invocation. */
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
  // Sort by the index of the return. The remainder of the division by `count` is the operation.
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
