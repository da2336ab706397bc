/** The check of what a program passes. A mistake is a TypeError, thrown before anything is sent. */

export function assertUsage(holds: boolean, problem: string): asserts holds {
  if (!holds) throw new TypeError(problem)
}
