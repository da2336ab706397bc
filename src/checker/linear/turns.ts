/**
 * One object that is hard to decide must not take the time of all others: each has a short turn, then those that
 * are still undecided a longer one.
 */
import type { Limits } from './outcome.ts'

const TURNS_MS = [500, 2500, 12_500, Infinity]

/**
 * `attempt` tries one object within the limits, and says whether it is out of time. Answers what is undecided in
 * the end. `isSettled`: after a round, whether the others make no difference any more.
 */
export function takeTurns<T>(
  objects: readonly T[],
  attempt: (object: T, limits: Limits) => boolean,
  limits: Limits,
  isSettled: () => boolean,
): readonly T[] {
  let undecided = objects
  for (const turnMs of TURNS_MS) {
    undecided = undecided.filter((object) => {
      const deadlineMs = Math.min(limits.deadlineMs, limits.nowMs() + turnMs)
      return attempt(object, { ...limits, deadlineMs })
    })
    if (isSettled() || limits.nowMs() > limits.deadlineMs) break
  }
  return undecided
}
