/**
 * Lends the arrays that deciding one object takes, and uses the same memory for the next object. If each object had
 * arrays of its own, the garbage collector would look through the whole history again and again.
 */
import { Numbering } from './numbering.ts'

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
