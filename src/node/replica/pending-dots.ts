/**
 * The dots of writes that this node has minted and not finished: until every owner has answered, or has a hint
 * kept for it, something of them may still be on its way.
 */
import type { Timestamp } from '../../core/causality/dot.ts'

/** Held by everything that works on one write; the dot is pending until the last has let go. */
export class PendingDot {
  readonly timestamp: Timestamp
  readonly #pending: Set<PendingDot>
  #holders = 1

  constructor(timestamp: Timestamp, pending: Set<PendingDot>) {
    this.timestamp = timestamp
    this.#pending = pending
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders === 0) this.#pending.delete(this)
  }
}

export class PendingDots {
  readonly #pending = new Set<PendingDot>()

  /** Before any promise of this node may reach the timestamp, which is a moment after it was minted. */
  begin(timestamp: Timestamp): PendingDot {
    const dot = new PendingDot(timestamp, this.#pending)
    this.#pending.add(dot)
    return dot
  }

  /** Writes that are not finished. */
  get size(): number {
    return this.#pending.size
  }

  /** Infinity where nothing is pending. Looks at all: it is asked once for many writes. */
  lowest(): Timestamp {
    let lowest = Infinity
    for (const { timestamp } of this.#pending) if (timestamp < lowest) lowest = timestamp
    return lowest
  }
}
