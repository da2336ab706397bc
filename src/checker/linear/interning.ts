/** Gives each value a number: equal values the same. 5 and "5" differ. */
import type { Json } from '../history.ts'

export class Interning {
  readonly #ids = new Map<string | number | boolean | null, number>()
  readonly #values: Json[] = []

  idOf(value: Json): number {
    // A composed value is known by how it is written; no text begins with that character.
    const name = typeof value === 'object' && value !== null ? `\0${JSON.stringify(value)}` : value
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const id = this.#values.push(value) - 1
    this.#ids.set(name, id)
    return id
  }

  valueOf(id: number): Json {
    return this.#values[id] as Json
  }
}
