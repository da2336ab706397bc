/**
 * Decides linearizability of a register in linear time if no value that an operation must have seen was given twice.
 * The test follows Gibbons and Korach ("Testing shared memories", 1997: the read mapping is known). Lee and Mathur
 * ("Efficient decrease-and-conquer linearizability monitoring", arXiv 2410.04581) treat registers with unique values as
 * one of their cases. Compare-and-sets and operations of unknown outcome are added here.
 *
 * The giver of a value and the operations that need the value form a cluster. A compare-and-set belongs to two clusters,
 * so the second follows the first at once. A chain of such clusters is a block: in any order the register holds the
 * values of a block without a break. Let `first` be the first return in a block, and `last` its last invocation. If
 * `first` comes before `last`, the register holds the block at least from `first` to `last`: the zone of the block.
 * Otherwise all operations of the block overlap, and the block fits into any moment between `last` and `first`. So there
 * is an order if and only if
 *
 * - in each block the operations can follow each other,
 * - no two zones overlap, and
 * - no block without a zone has all its moments in the zone of another one.
 *
 * An operation of unknown outcome certainly happened if it gave a value that was certainly seen. The others are left
 * out, because no order of the rest depends on them. Failed compare-and-sets are put into the order that was found
 * (block-order.ts). If one of them has no place there, the problem stays undecided, because there may be another order.
 */
import { orderOf } from './block-order.ts'
import { type Clusters, clustersOf, NONE } from './clusters.ts'
import type { DeadEnd, Outcome } from './outcome.ts'
import { ANY, type Problem, SAME } from './search-problem.ts'

/** Undefined if the test does not apply to the problem, or cannot decide it. */
export function decideUnique(problem: Problem): Outcome | undefined {
  const clusters = clustersOf(problem)
  if (clusters === undefined) return undefined
  const blocks = blocksInOrder(problem, clusters)
  if (Array.isArray(blocks)) {
    return { type: 'not-linearizable', ...deadEndOf(problem, clusters, blocks) }
  }
  const order = orderOf(problem, clusters, blocks)
  // The order is the proof. It counts only if it passes a check by the definition.
  return order !== undefined && isLinearization(problem, clusters, order)
    ? { type: 'linearizable', order }
    : undefined
}

/** The first clusters of all blocks, in an order that agrees with real time; or a list of operations that contradict. */
function blocksInOrder(problem: Problem, clusters: Clusters): Int32Array | number[] {
  const { count, events, needs, gives, scratch } = problem
  const { shownBy, invokedAt, firstReturn, lastNeed, successor, impossible } = clusters
  if (impossible.length > 0) return [...impossible]
  /** A block is placed where its zone begins. Without a zone, it is placed at the first moment into which it fits. */
  const placed = scratch.lend(events.length, NONE)
  const until = scratch.lend(count + 1)
  const isReached = scratch.lend(count)
  let blocks = 0
  for (let head = count; head >= 0; head--) {
    const isInitial = head === count
    if (!isInitial && (shownBy[head] === NONE || gives[head] === SAME || needs[head] !== ANY)) {
      continue
    }
    let first = isInitial ? -1 : (firstReturn[head] as number)
    let last = isInitial ? -1 : (invokedAt[head] as number)
    if (first < last) return [~(events[first] as number)]
    let cluster = head
    for (;;) {
      last = Math.max(last, lastNeed[cluster] as number)
      cluster = successor[cluster] as number
      if (cluster === NONE) break
      const end = firstReturn[cluster] as number
      if (end < last) return [events[last] as number]
      first = Math.min(first, end)
      isReached[cluster] = 1
    }
    until[head] = Math.max(first, last)
    blocks++
    if (!isInitial) placed[Math.min(first, last)] = head
  }
  // Compare-and-sets that are not reached need each other's values in a circle.
  for (let op = 0; op < count; op++) {
    if (shownBy[op] !== NONE && needs[op] !== ANY && gives[op] !== SAME && isReached[op] === 0) {
      return [op]
    }
  }
  const heads = scratch.lend(blocks)
  heads[0] = count
  let next = 1
  let heldUntil = until[count] as number
  for (let at = 0; at < events.length; at++) {
    const head = placed[at] as number
    if (head === NONE) continue
    const hasZone = (events[at] as number) < 0
    if (at < heldUntil && (hasZone || (until[head] as number) < heldUntil)) {
      const [one, other] = [heldUntil, hasZone ? (until[head] as number) : at]
      return [events[one] as number, events[other] as number]
    }
    if (hasZone) heldUntil = until[head] as number
    heads[next++] = head
  }
  return heads
}

/** Whether the order has each operation that returned, agrees with real time, and explains every answer. */
function isLinearization(problem: Problem, clusters: Clusters, order: Int32Array): boolean {
  const { count, isCrashed, needs, avoids, gives, initial, scratch } = problem
  const { invokedAt, returnAt } = clusters
  const isOrdered = scratch.lend(count)
  let state = initial[0] as number
  let latest = -1
  for (const op of order) {
    if (isOrdered[op] === 1 || (returnAt[op] as number) < latest) return false
    if ((needs[op] !== ANY && needs[op] !== state) || avoids[op] === state) return false
    isOrdered[op] = 1
    latest = Math.max(latest, invokedAt[op] as number)
    if (gives[op] !== SAME) state = gives[op] as number
  }
  return isOrdered.every((is, op) => is === 1 || isCrashed[op] === 1)
}

/** The return by which the contradiction shows: the last of those that show that the operations happened. */
function deadEndOf(
  { events }: Problem,
  { returnAt, shownBy }: Clusters,
  wrong: readonly number[],
): DeadEnd {
  const event = Math.max(...wrong.map((op) => returnAt[shownBy[op] as number] as number))
  return { op: ~(events[event] as number), event }
}
