/**
 * Sees to it that an ask that must not be done twice is done once, however often it arrives: a network may
 * double a message. An ask is remembered until its deadline, after which it is refused for being late.
 */

/** Asks remembered of all peers; beyond it further ones are refused. */
const REMEMBERED_MAX = 100_000

export class OnceOnly {
  /** Name of an ask → its deadline, in the order of arrival. */
  readonly #deadlines = new Map<string, number>()

  /** `first` for one that was not seen before; the caller has refused late ones. */
  take(from: string, id: number, deadlineMs: number, nowMs: number): 'first' | 'again' | 'full' {
    const name = `${from}/${id}`
    if (this.#deadlines.has(name)) return 'again'
    for (const [other, otherDeadlineMs] of this.#deadlines) {
      // Roughly in the order of their deadlines: what is left over goes with those behind it.
      if (otherDeadlineMs >= nowMs) break
      this.#deadlines.delete(other)
    }
    if (this.#deadlines.size >= REMEMBERED_MAX) return 'full'
    this.#deadlines.set(name, deadlineMs)
    return 'first'
  }
}
