/**
 * A set of configurations that the search has tried in vain: rows of whole numbers of one length, in one typed array.
 */
const ROWS_AT_FIRST = 256
/** The table grows beyond this fill, in percent, because linear probing slows down. */
const FILL_PERCENT = 60

export class Memo {
  readonly #width: number
  readonly #rowsMax: number
  #rows: Int32Array
  #isTaken: Uint8Array
  #capacity = ROWS_AT_FIRST
  #size = 0

  /** `width` is the length of a row. */
  constructor(width: number, bytesMax: number) {
    this.#width = width
    this.#rowsMax = Math.floor(bytesMax / (4 * width + 1))
    this.#rows = new Int32Array(this.#capacity * width)
    this.#isTaken = new Uint8Array(this.#capacity)
  }

  get size(): number {
    return this.#size
  }

  has(row: Int32Array): boolean {
    return this.#isTaken[this.#placeOf(row)] === 1
  }

  /** Returns false if there is no room left. */
  add(row: Int32Array): boolean {
    if (this.#size * 100 >= this.#capacity * FILL_PERCENT && !this.#grow()) return false
    const place = this.#placeOf(row)
    if (this.#isTaken[place] === 1) return true
    this.#isTaken[place] = 1
    this.#rows.set(row, place * this.#width)
    this.#size++
    return true
  }

  /** The slot of the row, or the free slot where it belongs. */
  #placeOf(row: Int32Array): number {
    const width = this.#width
    const rows = this.#rows
    const last = this.#capacity - 1
    let hash = 0x9e3779b9
    for (let i = 0; i < width; i++) {
      hash = Math.imul(hash ^ (row[i] as number), 0x85ebca6b)
      hash ^= hash >>> 15
    }
    let place = Math.imul(hash, 0xc2b2ae35) & last
    for (;;) {
      if (this.#isTaken[place] === 0) return place
      const start = place * width
      let i = 0
      while (i < width && rows[start + i] === row[i]) i++
      if (i === width) return place
      place = (place + 1) & last
    }
  }

  #grow(): boolean {
    if (this.#capacity * 2 > this.#rowsMax) return false
    const [rows, isTaken, capacity] = [this.#rows, this.#isTaken, this.#capacity]
    this.#capacity *= 2
    this.#rows = new Int32Array(this.#capacity * this.#width)
    this.#isTaken = new Uint8Array(this.#capacity)
    for (let place = 0; place < capacity; place++) {
      if (isTaken[place] === 0) continue
      const row = rows.subarray(place * this.#width, (place + 1) * this.#width)
      const to = this.#placeOf(row)
      this.#isTaken[to] = 1
      this.#rows.set(row, to * this.#width)
    }
    return true
  }
}
