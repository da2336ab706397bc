/** A broken promise: which one, and the evidence. */
export class Violation extends Error {
  /** A short name of the promise. Shrinking looks for a smaller run that breaks the same promise. */
  readonly invariant: string
  /** The `bucket/key` that shows the violation, if one does. */
  readonly key: string | undefined

  constructor(invariant: string, message: string, key?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Violation'
    this.invariant = invariant
    this.key = key
  }
}
