/** The only way in which a node waits for time to pass. */
export interface Timers {
  /** Calls `task` once, no sooner than `delayMs` from now. */
  after(delayMs: number, task: () => void): Timer
  /** Calls `task` about every `intervalMs` until cancelled. Calls of a synchronous task never overlap. */
  every(intervalMs: number, task: () => void): Timer
  /** Calls `task` once at the end of this turn of the event loop, after the I/O events that are due. */
  soon(task: () => void): void
}

export interface Timer {
  /** Idempotent. The task is never called after it. */
  cancel(): void
}
