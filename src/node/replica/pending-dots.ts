/**
 * The dots of this node's unfinished writes. A write is finished once each owner has answered or has a hint kept for
 * it. Until then a message with the write may still be on its way, so the horizon stays below the dot
 * (horizon-keeper.ts).
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'

/** Counts the holders that still work on one write. The dot is pending until the last holder has released it. */
export class PendingDot {
  readonly timestamp: Timestamp
  readonly #pending: Set<PendingDot>
  #holders = 1

  constructor(timestamp: Timestamp, pending: Set<PendingDot>) {
    this.timestamp = timestamp
    this.#pending = pending
  }

  hold(): void {
    assert(this.#holders > 0, 'a write that has ended is not held again')
    this.#holders++
  }

  release(): void {
    assert(this.#holders > 0, 'each holder releases a write once')
    if (--this.#holders === 0) this.#pending.delete(this)
  }
}

export class PendingDots {
  readonly #pending = new Set<PendingDot>()

  /** Call this right after minting the timestamp, before this node can tell others that it has no write that old. */
  begin(timestamp: Timestamp): PendingDot {
    const dot = new PendingDot(timestamp, this.#pending)
    this.#pending.add(dot)
    return dot
  }

  /** Number of unfinished writes. */
  get size(): number {
    return this.#pending.size
  }

  /** The lowest pending timestamp; Infinity if none is pending. It scans all dots, but one call serves many writes. */
  lowest(): Timestamp {
    let lowest = Infinity
    for (const { timestamp } of this.#pending) if (timestamp < lowest) lowest = timestamp
    return lowest
  }
}
