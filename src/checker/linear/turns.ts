/**
 * Shares the time among objects, so that a hard object does not use up the time of the others. Each object gets a short
 * turn; the undecided ones then get longer turns.
 */
import type { Limits } from './outcome.ts'

const TURNS_MS = [500, 2500, 12_500, Infinity]

/**
 * `attempt` tries one object within the limits, and returns whether it ran out of time. Returns the objects that stay
 * undecided. `isSettled` says after each round whether the undecided objects no longer matter.
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
