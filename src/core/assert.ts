/**
 * A broken invariant is a bug, not a condition to handle: it ends the node before it can do harm. On hot paths
 * the message is a function: to write out a timestamp takes longer than most of what is asserted of it.
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

export class AssertionError extends Error {
  constructor(message: string) {
    super(`invariant broken: ${message}`)
    this.name = 'AssertionError'
  }
}
