/** Everything in a node that waits for time to pass does so through this port. */
export interface Timers {
  /** Calls `task` once, no sooner than `delayMs` from now. */
  after(delayMs: number, task: () => void): Timer
  /** Calls `task` about every `intervalMs`, until cancelled; never twice at once for a synchronous task. */
  every(intervalMs: number, task: () => void): Timer
  /** Calls `task` once at the end of this turn of the event loop, after the I/O events that are due now. */
  soon(task: () => void): void
}

export interface Timer {
  /** Idempotent; after it the task is never called again. */
  cancel(): void
}
