/**
 * Seeded randomness for what must be repeatable: the simulator's worlds, and the operations and faults of a
 * check. Each purpose takes a child, so that drawing more for one changes nothing for the others.
 */
export class SeededRandom {
  readonly #seed: string
  #state: number

  constructor(seed: string) {
    this.#seed = seed
    this.#state = hash(seed)
  }

  /** An independent generator; the same for the same name. */
  child(name: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${name}`)
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit)
  }

  /** Whether an event of `percent` in a hundred happens. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] as T
  }

  /** A new list in random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items]
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = list[i] as T
      list[i] = list[j] as T
      list[j] = item
    }
    return list
  }

  /** Mulberry32: 32 bits of state are plenty to choose keys and faults. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** FNV-1a over the characters. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
