/**
 * Gives each value a number. Equal values get the same one, even if the order of their names differs. 5 and "5" differ.
 */
import type { Json } from '../history/history.ts'

/** Whole numbers from 0 below this one are found by index, because that is faster than by hash. */
const SMALL_MAX = 2 ** 22

export class Interning {
  /** For each small whole number its own number and 1; 0 if it has none. */
  #small = new Int32Array(1024)
  readonly #ids = new Map<string | number | boolean | null, number>()
  /** The numbers of objects and lists, by their JSON with sorted names. */
  readonly #composed = new Map<string, number>()
  readonly #values: Json[] = []

  idOf(value: Json): number {
    if (typeof value === 'number' && value >= 0 && value < SMALL_MAX && Number.isInteger(value)) {
      return this.#idOfSmall(value)
    }
    return typeof value === 'object' && value !== null
      ? this.#idIn(this.#composed, writtenInOrder(value), value)
      : this.#idIn(this.#ids, value, value)
  }

  #idOfSmall(value: number): number {
    if (value >= this.#small.length) {
      const more = new Int32Array(Math.max(value + 1, this.#small.length * 2))
      more.set(this.#small)
      this.#small = more
    }
    const known = this.#small[value] as number
    if (known > 0) return known - 1
    this.#small[value] = this.#values.push(value)
    return (this.#small[value] as number) - 1
  }

  #idIn<K>(ids: Map<K, number>, name: K, value: Json): number {
    const known = ids.get(name)
    if (known !== undefined) return known
    const id = this.#values.push(value) - 1
    ids.set(name, id)
    return id
  }

  valueOf(id: number): Json {
    return this.#values[id] as Json
  }
}

function writtenInOrder(value: Json): string {
  return JSON.stringify(value, (_, part: Json) =>
    typeof part !== 'object' || part === null || Array.isArray(part)
      ? part
      : Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))),
  )
}
