/** A cut of a cluster. Leaving the block of `await using` heals it. */
export class Partition implements AsyncDisposable {
  readonly #heal: () => Promise<void>

  constructor(heal: () => Promise<void>) {
    this.#heal = heal
  }

  /** Does nothing if the partition has ended, or another one has replaced it. */
  heal(): Promise<void> {
    return this.#heal()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.heal()
  }
}
