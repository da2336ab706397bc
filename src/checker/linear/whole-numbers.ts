/** A list of whole numbers that grows. It takes four bytes for each, and the garbage collector need not look into it. */
export class WholeNumbers {
  #items: Int32Array
  #length = 0

  /** `length` is the expected length. */
  constructor(length: number) {
    this.#items = new Int32Array(Math.max(1, length))
  }

  get length(): number {
    return this.#length
  }

  /** A view of all numbers, valid until the next `push`. */
  get items(): Int32Array {
    return this.#items.subarray(0, this.#length)
  }

  at(place: number): number {
    return this.#items[place] as number
  }

  push(number: number): void {
    if (this.#length === this.#items.length) this.#items = doubled(this.#items)
    this.#items[this.#length++] = number
  }

  clear(): void {
    this.#length = 0
  }
}

/** The same numbers, with room for as many more. */
export function doubled(numbers: Int32Array): Int32Array {
  const longer = new Int32Array(numbers.length * 2)
  longer.set(numbers)
  return longer
}
