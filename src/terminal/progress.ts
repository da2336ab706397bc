/** Tells the people who wait for long work how far it is. */

export interface Progress {
  /**
   * Calls `look` now and then, and shows what it returns, until `end` or until another one is shown. It shows the first
   * state at once, because work that blocks the process may follow. For the next step of the same work, show the same
   * `look` again: the time left is estimated from all its steps.
   */
  show(look: () => Work): void
  /** Shows nothing any more. */
  end(): void
}

export interface Work {
  /** What is being done now. */
  readonly text: string
  /** Undefined if it is not known how much there is to do. */
  readonly share?: Share
}

export interface Share {
  readonly done: number
  readonly all: number
  /** Whether equal parts take about equal time, so that the time left follows from the time used. */
  readonly isEven: boolean
}
