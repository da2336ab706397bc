/**
 * Ensures that a request which must not run twice runs once, even if the network duplicates its message. A request is
 * remembered until its deadline. After the deadline it is refused for being late.
 */

/** Requests that are remembered, of all peers. Beyond this number further ones are refused. */
const REMEMBERED_MAX = 100_000
const SPAN_MS = 1000

export class OnceOnly {
  readonly #names = new Set<string>()
  /** Second of the deadline → names. Grouping by deadline lets each name be forgotten in time. */
  readonly #bySecond = new Map<number, string[]>()
  #forgottenUntil = 0

  /** Returns `first` for a request that was not seen before. The caller has already refused late requests. */
  take(from: string, id: number, deadlineMs: number, nowMs: number): 'first' | 'again' | 'full' {
    this.#forget(Math.floor(nowMs / SPAN_MS))
    const name = `${from}/${id}`
    if (this.#names.has(name)) return 'again'
    if (this.#names.size >= REMEMBERED_MAX) return 'full'
    this.#names.add(name)
    const second = Math.floor(deadlineMs / SPAN_MS)
    const names = this.#bySecond.get(second)
    if (names === undefined) this.#bySecond.set(second, [name])
    else names.push(name)
    return 'first'
  }

  #forget(second: number): void {
    if (second <= this.#forgottenUntil) return
    this.#forgottenUntil = second
    for (const [other, names] of this.#bySecond) {
      if (other >= second) continue
      for (const name of names) this.#names.delete(name)
      this.#bySecond.delete(other)
    }
  }
}
