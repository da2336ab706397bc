/**
 * A broken invariant is a bug, not a condition to handle. It ends the node before the node can do harm. On hot paths
 * the message is a function, because formatting a timestamp takes longer than most of the checked code.
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
