/**
 * A hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone 2014) in one safe integer: 41 bits of milliseconds
 * since 2025-01-01 UTC, times 4096, plus a 12-bit counter. Pure: the wall time is an argument.
 *
 * Invariant: `last` never decreases; a minted timestamp is above every one minted or received before.
 * Invariant: nothing above `bound` is minted. The bound is persisted *before* it is raised here, and a restarted clock
 * begins at the persisted bound. So the clock does not go back across restarts either.
 * Invariant: whoever waits for the clock to pass a timestamp is called while `last` is still at or below it.
 */
import { assert } from '../assert.ts'
import type { Timestamp } from './dot.ts'

/** 2025-01-01T00:00:00Z in ms since 1970. */
export const TIMESTAMP_EPOCH_MS = 1_735_689_600_000
export const TICKS_PER_MS = 4096

interface Passing {
  readonly timestamp: Timestamp
  readonly act: () => void
}

export class HybridClock {
  #last: Timestamp
  #bound: Timestamp
  /** The lowest timestamp first. */
  #passings: readonly Passing[] = []
  /** The first timestamp of `#passings`. */
  #passesFirst: Timestamp = Infinity

  /** `persisted` is the bound that an earlier life of this clock stored; 0 for a first life. */
  constructor(persisted: Timestamp) {
    assert(
      Number.isSafeInteger(persisted) && persisted >= 0,
      `clock bound ${persisted} is a timestamp`,
    )
    this.#last = persisted
    this.#bound = persisted
  }

  /** The highest timestamp minted, received, or inherited. */
  get last(): Timestamp {
    return this.#last
  }

  get bound(): Timestamp {
    return this.#bound
  }

  /** Call only once `bound` is durable. */
  raiseBound(bound: Timestamp): void {
    assert(bound >= this.#bound, `clock bound only rises: ${this.#bound} to ${bound}`)
    this.#bound = bound
  }

  /** A new timestamp. Undefined if it would pass the bound: persist a higher bound, then mint again. */
  mint(wallMs: number): Timestamp | undefined {
    const next = Math.max(this.#last + 1, timestampOf(wallMs))
    if (next > this.#bound) return undefined
    this.#rise(next)
    return next
  }

  /** Records another clock's reading. The caller has already refused readings that are too far ahead. */
  receive(timestamp: Timestamp): void {
    assert(
      Number.isSafeInteger(timestamp),
      () => `received timestamp ${timestamp} is a safe integer`,
    )
    if (timestamp > this.#last) this.#rise(timestamp)
  }

  /**
   * The reading to put on messages. It is at least everything minted, but never above the bound, so a restarted clock
   * is not behind what others have seen of it. (A received timestamp may be above the bound.) Nothing at or below this
   * reading is minted later, even if the wall clock is set back.
   */
  stamp(wallMs: number): Timestamp {
    const stamp = Math.min(this.#bound, Math.max(this.#last, timestampOf(wallMs)))
    if (stamp > this.#last) this.#rise(stamp)
    return stamp
  }

  /**
   * Calls `act` once, just before this clock rises above `timestamp`. So nothing above it was minted or received before
   * `act`, and everything afterwards happens at a later time. Returns undefined if the clock is above it already, and
   * otherwise a function after which `act` is not called any more. `act` must not advance this clock.
   */
  beforePassing(timestamp: Timestamp, act: () => void): (() => void) | undefined {
    if (this.#last > timestamp) return undefined
    const passing = { timestamp, act }
    this.#wait([...this.#passings, passing].sort((a, b) => a.timestamp - b.timestamp))
    return () => this.#wait(this.#passings.filter((other) => other !== passing))
  }

  #rise(to: Timestamp): void {
    if (to > this.#passesFirst) this.#pass(to)
    this.#last = to
  }

  #pass(to: Timestamp): void {
    const before = this.#last
    const due = this.#passings.filter(({ timestamp }) => timestamp < to)
    this.#wait(this.#passings.filter(({ timestamp }) => timestamp >= to))
    for (const { act } of due) act()
    assert(this.#last === before, 'nothing advances a clock that is about to pass a timestamp')
  }

  #wait(passings: readonly Passing[]): void {
    this.#passings = passings
    this.#passesFirst = passings[0]?.timestamp ?? Infinity
  }
}

/** The first timestamp of the millisecond `wallMs`. */
export function timestampOf(wallMs: number): Timestamp {
  return Math.max(0, Math.floor(wallMs) - TIMESTAMP_EPOCH_MS) * TICKS_PER_MS
}

/** The wall time of a timestamp, in whole ms since 1970. */
export function wallMsOf(timestamp: Timestamp): number {
  return Math.floor(timestamp / TICKS_PER_MS) + TIMESTAMP_EPOCH_MS
}
