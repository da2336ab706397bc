/** Tables that follow from the events of a problem, computed once for the search. */
import { ANY, type Problem, SAME, type StateId } from './search-problem.ts'

export interface Timeline {
  /** For each operation its slot among the operations that are open at the same time. */
  readonly slots: Int32Array
  readonly slotCount: number
  /** For each operation the index of its return among the events. */
  readonly returnAt: Int32Array
  /**
   * For each state the index of the last return of an operation that needs it; -1 if none does, Infinity if a crashed
   * operation needs it.
   */
  readonly lastNeed: Float64Array
  /** For each event the index of the next invocation of a step that avoids a state; Infinity if there is none. */
  readonly nextAvoidance: Float64Array
  /** For each event the first return of a state-changing operation that is invoked there or later. */
  readonly nextChange: Float64Array
}

export function timelineOf(problem: Problem, initial: StateId): Timeline {
  const { count, events, isCrashed, needs, avoids, gives } = problem
  const slots = new Int32Array(count)
  const returnAt = new Int32Array(count)
  const lastNeed = new Float64Array(statesOf(problem, initial)).fill(-1)
  const free: number[] = []
  let slotCount = 0
  for (let at = 0; at < events.length; at++) {
    const event = events[at] as number
    const op = event < 0 ? ~event : event
    const needed = needs[op] as number
    if (event < 0) {
      free.push(slots[op] as number)
      returnAt[op] = at
      if (needed !== ANY) lastNeed[needed] = Math.max(at, lastNeed[needed] as number)
    } else if (isCrashed[op] === 0) slots[op] = free.pop() ?? slotCount++
    else if (needed !== ANY) lastNeed[needed] = Infinity
  }
  const nextAvoidance = new Float64Array(events.length + 1)
  const nextChange = new Float64Array(events.length + 1)
  nextAvoidance[events.length] = Infinity
  nextChange[events.length] = Infinity
  for (let at = events.length - 1; at >= 0; at--) {
    const event = events[at] as number
    const isAvoidance = event >= 0 && avoids[event] !== ANY
    nextAvoidance[at] = isAvoidance ? at : (nextAvoidance[at + 1] as number)
    const isChange = event >= 0 && gives[event] !== SAME && isCrashed[event] === 0
    const later = nextChange[at + 1] as number
    nextChange[at] = isChange ? Math.min(later, returnAt[event] as number) : later
  }
  return { slots, slotCount, returnAt, lastNeed, nextAvoidance, nextChange }
}

/** The number of states. */
export function statesOf({ count, needs, gives }: Problem, initial: StateId): number {
  let states = initial + 1
  for (let op = 0; op < count; op++) {
    states = Math.max(states, (needs[op] as number) + 1, (gives[op] as number) + 1)
  }
  return states
}
