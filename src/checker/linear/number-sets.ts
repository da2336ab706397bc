/** Interned sets of numbers: each set has an id, and 0 is the empty set. Made for few and small sets. */
export class NumberSets {
  readonly #sets: (readonly number[])[] = [[]]
  readonly #ids = new Map<string, number>()

  at(id: number): readonly number[] {
    return this.#sets[id] as readonly number[]
  }

  /** The id of the set with `added` as well. */
  with(id: number, added: number): number {
    const set = [...this.at(id), added].sort((a, b) => a - b)
    const name = set.join()
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    this.#ids.set(name, this.#sets.length)
    return this.#sets.push(set) - 1
  }
}
