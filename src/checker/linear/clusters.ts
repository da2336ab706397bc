/**
 * Groups the operations on a register by value, for unique-values.ts: the giver of a value and the operations that need
 * the value form a cluster. That is possible if no needed value has two givers.
 */
import { ANY, FOLLOWS, type Problem, SAME } from './search-problem.ts'
import { statesOf } from './timeline.ts'

export const NONE = -1

/** A cluster has the number of the operation that gives its value. The initial value has the number `problem.count`. */
export interface Clusters {
  /** For each state the cluster of its value, or NONE. */
  readonly byState: Int32Array
  /**
   * For each operation that certainly happened an operation that returned and shows it: itself, or one that could not
   * have happened otherwise. NONE for the others: no other order of the rest becomes possible by them.
   */
  readonly shownBy: Int32Array
  /** For each operation the indexes of its events; the number of all events if it never returned. */
  readonly invokedAt: Int32Array
  readonly returnAt: Int32Array
  /** For each cluster the first return of any of its operations. */
  readonly firstReturn: Int32Array
  /** For each cluster the last invocation of an operation that needs the value; -1 if none does. */
  readonly lastNeed: Int32Array
  /** For each cluster the compare-and-set that ends it, and whose own cluster follows at once; or NONE. */
  readonly successor: Int32Array
  /** Operations that cannot all have happened; empty if none were found. */
  readonly impossible: readonly number[]
}

/** Undefined if this test does not apply to the problem. */
export function clustersOf(problem: Problem): Clusters | undefined {
  const { count, events, needs, gives, scratch } = problem
  const givers = giversOf(problem)
  if (givers === undefined) return undefined
  const { byState, shownBy, unwritten } = givers
  const invokedAt = scratch.lend(count)
  const returnAt = scratch.lend(count, events.length)
  for (let at = 0; at < events.length; at++) {
    const event = events[at] as number
    if (event >= 0) invokedAt[event] = at
    else returnAt[~event] = at
  }
  const firstReturn = scratch.lend(count + 1, events.length)
  const lastNeed = scratch.lend(count + 1, -1)
  const successor = scratch.lend(count + 1, NONE)
  let impossible = unwritten === NONE ? [] : [unwritten]
  for (let op = 0; op < count && unwritten === NONE; op++) {
    if (shownBy[op] === NONE) continue
    const end = returnAt[op] as number
    const changes = gives[op] !== SAME
    if (changes && end < (firstReturn[op] as number)) firstReturn[op] = end
    if (needs[op] === ANY) continue
    const cluster = byState[needs[op] as number] as number
    if (end < (firstReturn[cluster] as number)) firstReturn[cluster] = end
    // Operations are numbered in the order of their invocation.
    lastNeed[cluster] = invokedAt[op] as number
    if (!changes) continue
    // Two changes of the same value: it would have to be given twice.
    const other = successor[cluster] as number
    if (other === NONE) successor[cluster] = op
    else impossible = [other, op]
  }
  return {
    byState,
    shownBy,
    invokedAt,
    returnAt,
    firstReturn,
    lastNeed,
    successor,
    impossible,
  }
}

interface Givers {
  readonly byState: Int32Array
  readonly shownBy: Int32Array
  /** An operation that needs a value which nothing gives, or NONE. */
  readonly unwritten: number
}

/** Undefined if a needed value has two givers, or if the operations are not those of a register. */
function giversOf(problem: Problem): Givers | undefined {
  const { count, isCrashed, needs, avoids, gives, initial, scratch } = problem
  const [start] = initial
  if (start === undefined || initial.length > 1) return undefined
  const byState = scratch.lend(statesOf(problem, start), NONE)
  const isTwice = scratch.lend(byState.length)
  byState[start] = count
  for (let op = 0; op < count; op++) {
    const given = gives[op] as number
    if (given === FOLLOWS) return undefined
    if (avoids[op] !== ANY && (given !== SAME || needs[op] !== ANY)) return undefined
    if (given === SAME) continue
    if (byState[given] === NONE) byState[given] = op
    else isTwice[given] = 1
  }
  const shownBy = scratch.lend(count, NONE)
  let unwritten = NONE
  for (let op = 0; op < count; op++) {
    if (isCrashed[op] === 1) continue
    shownBy[op] = op
    let needed = needs[op] as number
    while (needed !== ANY) {
      if (isTwice[needed] === 1) return undefined
      const from = byState[needed] as number
      if (from === NONE) unwritten = op
      if (from === NONE || from === count || isCrashed[from] === 0 || shownBy[from] !== NONE) break
      shownBy[from] = op
      needed = needs[from] as number
    }
  }
  return { byState, shownBy, unwritten }
}
