/**
 * The expiries that graves do not tell in time. A *grave* is an entry of an index on the disk (storage/data-index.ts):
 * it says from when on the record of a key may be forgotten. A strong key remembers its last writes, so its record may
 * be forgotten only minutes after its value has expired.
 *
 * The schedule is in memory, like the log that it belongs to. It holds a key once for each second in which one of its
 * values expires, and only until then. So it may name a key that has other values by now.
 */
import type { DataName } from '../storage/storage-keys.ts'

export class ExpirySchedule {
  /** Second → name → key. */
  readonly #seconds = new Map<number, Map<string, DataName>>()

  add(at: DataName, expiryMs: number): void {
    const second = secondOf(expiryMs)
    const keys = this.#seconds.get(second)
    if (keys === undefined) this.#seconds.set(second, new Map([[at.name, at]]))
    else keys.set(at.name, at)
  }

  /** The keys whose values expire before that time, and perhaps others of the same second. */
  before(untilMs: number): DataName[] {
    const due: DataName[] = []
    for (const [second, keys] of this.#seconds) {
      if (second <= secondOf(untilMs)) due.push(...keys.values())
    }
    return due
  }

  /** Forgets the seconds that have ended. */
  forgetBefore(ms: number): void {
    for (const second of this.#seconds.keys()) {
      if (second < secondOf(ms)) this.#seconds.delete(second)
    }
  }

  clear(): void {
    this.#seconds.clear()
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000)
}
