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
  /** Operations of one class do the same. */
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
  const returns: number[] = []
  const known = new Map<string, number>()
  steps.forEach((step, op) => {
    needs[op] = step.needs
    avoids[op] = step.avoids
    gives[op] = step.gives
    isCrashed[op] = step.isCrashed ? 1 : 0
    const name = `${step.needs} ${step.avoids} ${step.gives} ${step.argument}`
    const known_ = known.get(name) ?? known.size
    known.set(name, known_)
    classes[op] = known_
    if (!step.isCrashed) returns.push(op)
  })
  const lastIndex = (op: number): number => (steps[op] as Step).lastIndex
  returns.sort((a, b) => lastIndex(a) - lastIndex(b))
  const events = new Int32Array(count + returns.length)
  let at = 0
  let next = 0
  for (const op of returns) {
    const end = lastIndex(op)
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
