/** A promise that a run has broken: which one, and what shows it. */
export class Violation extends Error {
  /** A short name, the same for the same promise: shrinking looks for it again. */
  readonly invariant: string
  /** `bucket/key` that shows it, where one does. */
  readonly key: string | undefined

  constructor(invariant: string, message: string, key?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Violation'
    this.invariant = invariant
    this.key = key
  }
}
