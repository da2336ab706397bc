/**
 * Lends the arrays that deciding one object takes, and uses the same memory for the next object. If each object had
 * arrays of its own, the garbage collector would look through the whole history again and again.
 */
import { WholeNumbers } from './whole-numbers.ts'

export class Scratch {
  /** The numbers of the states of one object from 0, because the search has tables of all its states. */
  readonly states = new Numbering()
  #memory = new Int32Array(4096)
  #used = 0

  /** An array of so many times `value`. It is valid until `reuse` is called. */
  lend(length: number, value = 0): Int32Array {
    if (this.#used + length > this.#memory.length) {
      // The arrays lent before stay where they are.
      this.#memory = new Int32Array(Math.max(length, 2 * this.#memory.length))
      this.#used = 0
    }
    const from = this.#used
    this.#used += length
    return this.#memory.subarray(from, this.#used).fill(value)
  }

  /** Takes everything back. */
  reuse(): void {
    this.#used = 0
    this.states.clear()
  }
}

/** Numbers whole numbers from 0, in the order in which they are first asked for. An array is faster than a map. */
class Numbering {
  /** For each whole number its own number and 1; 0 if it has none. */
  #numbers = new Int32Array(1024)
  readonly #numbered = new WholeNumbers(1024)

  /** `whole` is not negative. The memory grows with the largest one. */
  of(whole: number): number {
    if (whole >= this.#numbers.length) {
      const more = new Int32Array(Math.max(whole + 1, this.#numbers.length * 2))
      more.set(this.#numbers)
      this.#numbers = more
    }
    const known = this.#numbers[whole] as number
    if (known > 0) return known - 1
    this.#numbered.push(whole)
    this.#numbers[whole] = this.#numbered.length
    return this.#numbered.length - 1
  }

  clear(): void {
    for (const whole of this.#numbered.items) this.#numbers[whole] = 0
    this.#numbered.clear()
  }
}
