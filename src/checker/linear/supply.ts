/**
 * Knows which operations need a state, and which will give it again. Before a state is left for good, every operation
 * that must see it must have been linearized. Without this rule the search would notice the mistake only at their
 * return.
 */
import { FOLLOWS, type Problem, type StateId } from './search-problem.ts'
import { statesOf } from './timeline.ts'

export interface Supply {
  /**
   * The operations that would never see the state if it were left now: of the `waiting` ones and the needers invoked
   * after `op`, the first two to return, unless the state is given again before their return.
   */
  readonly starvedWithout: (state: StateId, op: number, waiting: readonly number[]) => number[]
}

/** Undefined if a state may depend on the state before it, because then nobody can say whether it comes again. */
export function supplyOf(
  problem: Problem,
  initial: StateId,
  returnAt: Int32Array,
): Supply | undefined {
  const { count, events, needs, gives, isCrashed } = problem
  if (gives.includes(FOLLOWS)) return undefined
  const states = statesOf(problem, initial)
  const needers = groupsOf(needs, states, (op) => isCrashed[op] === 0)
  const givers = groupsOf(gives, states, () => true)
  const invokedAt = new Int32Array(count)
  for (let at = 0; at < events.length; at++) {
    const op = events[at] as number
    if (op >= 0) invokedAt[op] = at
  }
  // For each place among the needers of a state: the first to return of this one and the later ones.
  const firstBack = new Int32Array(needers.ops.length)
  for (let state = 0; state < states; state++) {
    const start = needers.starts[state] as number
    let first = -1
    for (let place = (needers.starts[state + 1] as number) - 1; place >= start; place--) {
      const op = needers.ops[place] as number
      if (first < 0 || (returnAt[op] as number) < (returnAt[first] as number)) first = op
      firstBack[place] = first
    }
  }
  return {
    starvedWithout: (state, op, waiting) => {
      const next = placeAfter(givers, state, op)
      const givenAt = next < 0 ? Infinity : (invokedAt[givers.ops[next] as number] as number)
      const future = placeAfter(needers, state, op)
      const all = future < 0 ? waiting : [...waiting, firstBack[future] as number]
      const starved = all.filter((needer) => (returnAt[needer] as number) < givenAt)
      starved.sort((a, b) => (returnAt[a] as number) - (returnAt[b] as number))
      return starved.slice(0, 2)
    },
  }
}

/** Operations by state: those of state s are at `starts[s]` up to `starts[s + 1]`, in the order of invocation. */
interface Groups {
  readonly starts: Int32Array
  readonly ops: Int32Array
}

function groupsOf(stateOf: Int32Array, states: number, isOne: (op: number) => boolean): Groups {
  const starts = new Int32Array(states + 1)
  const each = (visit: (op: number, state: StateId) => void): void => {
    for (let op = 0; op < stateOf.length; op++) {
      const state = stateOf[op] as number
      if (state >= 0 && isOne(op)) visit(op, state)
    }
  }
  each((_, state) => (starts[state + 1] = (starts[state + 1] as number) + 1))
  for (let state = 0; state < states; state++) {
    starts[state + 1] = (starts[state + 1] as number) + (starts[state] as number)
  }
  const next = starts.slice()
  const ops = new Int32Array(starts[states] as number)
  each((op, state) => {
    const place = next[state] as number
    ops[place] = op
    next[state] = place + 1
  })
  return { starts, ops }
}

/** The place of the first operation of the state after `op`; -1 if there is none. */
function placeAfter({ starts, ops }: Groups, state: StateId, op: number): number {
  let low = starts[state] as number
  const end = starts[state + 1] as number
  let high = end
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ops[middle] as number) > op) high = middle
    else low = middle + 1
  }
  return low < end ? low : -1
}
