/**
 * Gives each value a number. Equal values get the same one, even if the order of their names differs. 5 and "5" differ.
 */
import type { Json } from '../history/history.ts'

export class Interning {
  readonly #ids = new Map<string | number | boolean | null, number>()
  /** The numbers of objects and lists, by their JSON with sorted names. */
  readonly #composed = new Map<string, number>()
  readonly #values: Json[] = []

  idOf(value: Json): number {
    return typeof value === 'object' && value !== null
      ? this.#idIn(this.#composed, writtenInOrder(value), value)
      : this.#idIn(this.#ids, value, value)
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
