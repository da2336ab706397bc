/** Numbers whole numbers from 0, in the order in which they are first asked for. An array is faster than a map. */
import { WholeNumbers } from './whole-numbers.ts'

export class Numbering {
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
