/** Something for each ordered pair of nodes: asked for at each frame, so without a text to name the pair. */
export class ByPair<T> {
  readonly #all: T[] = []
  readonly #byFrom = new Map<string, Map<string, T>>()

  get(from: string, to: string): T | undefined {
    return this.#byFrom.get(from)?.get(to)
  }

  /** What is there, else what `make` gives. */
  ensure(from: string, to: string, make: () => T): T {
    const known = this.get(from, to)
    if (known !== undefined) return known
    const made = make()
    this.#all.push(made)
    const byTo = this.#byFrom.get(from) ?? new Map<string, T>()
    this.#byFrom.set(from, byTo.set(to, made))
    return made
  }

  /** In the order in which they were made. */
  all(): readonly T[] {
    return this.#all
  }
}
