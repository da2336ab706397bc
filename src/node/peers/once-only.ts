/**
 * Sees to it that an ask that must not be done twice is done once, however often it arrives: a network may
 * double a message. An ask is remembered until its deadline, after which it is refused for being late.
 */

/** Asks remembered of all peers; beyond it further ones are refused. */
const REMEMBERED_MAX = 100_000
const SPAN_MS = 1000

export class OnceOnly {
  readonly #names = new Set<string>()
  /** Second of the deadline → names: one with a far deadline must not keep those behind it. */
  readonly #bySecond = new Map<number, string[]>()
  #forgottenUntil = 0

  /** `first` for one that was not seen before; the caller has refused late ones. */
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
