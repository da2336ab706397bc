/** How far long work is, told to the people who wait for it. */

export interface Progress {
  /**
   * Shows what `look` returns, from now on until another one is shown, or `end`. It is shown at once, because work that
   * blocks the process may follow. For the next step of the same work, show the same look again: the time left follows
   * from all its steps.
   */
  show(look: () => Work): void
  /** Shows nothing any more. */
  end(): void
}

export interface Work {
  /** What is being done now. */
  readonly text: string
  /** Undefined if nobody knows how much there is to do. */
  readonly share?: Share
}

export interface Share {
  readonly done: number
  readonly all: number
  /** Whether equal parts take about equal time, so that the time left follows from the time used. */
  readonly isEven: boolean
}
