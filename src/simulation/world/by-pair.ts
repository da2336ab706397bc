/** A map from ordered pairs of nodes. Every frame looks something up, so it builds no text for a pair. */
export class ByPair<T> {
  readonly #all: T[] = []
  readonly #byFrom = new Map<string, Map<string, T>>()

  get(from: string, to: string): T | undefined {
    return this.#byFrom.get(from)?.get(to)
  }

  /** The present value, or a new one from `make`. */
  ensure(from: string, to: string, make: () => T): T {
    const known = this.get(from, to)
    if (known !== undefined) return known
    const made = make()
    this.#all.push(made)
    const byTo = this.#byFrom.get(from) ?? new Map<string, T>()
    this.#byFrom.set(from, byTo.set(to, made))
    return made
  }

  /** All values in the order in which they were made. */
  all(): readonly T[] {
    return this.#all
  }
}
