/**
 * This node's part in moving the horizon (core/repair/stability.ts): its own floor, the floors heard from the other
 * members, and the horizon that follows from them. The horizon is durable before anything acts on it.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { TICKS_PER_MS, timestampOf, wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { Stability } from '../../core/repair/stability.ts'
import { Signal } from '../../core/signal.ts'
import { type ForgettingStall, STALL_MS } from './forgetting-stall.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { PendingDots } from '../replica/pending-dots.ts'
import type { MemberFloor } from '../wire/asks/repair-asks.ts'

/** The floor lags this far behind the clock, so that a write that is handed to a fallback is younger than it. */
const FLOOR_LAG_MS = 5000
/** The horizon is moved, and written, in steps of at least this size. */
const STEP_MS = 1000

export interface HorizonParts {
  readonly self: string
  readonly members: readonly string[]
  readonly state: NodeState
  readonly clock: NodeClock
  readonly hints: HintStore
  readonly pending: PendingDots
}

export class HorizonKeeper {
  readonly #parts: HorizonParts
  readonly #stability: Stability
  #value: Timestamp
  #floor: Timestamp = 0
  readonly #startedMs: number
  #isMoving = false
  /** The horizon has moved. */
  readonly moved = new Signal()

  constructor(parts: HorizonParts) {
    this.#parts = parts
    this.#stability = new Stability(parts.self, parts.members)
    this.#startedMs = parts.clock.nowMs()
    this.#value = (parts.state.get('horizon') as Timestamp | undefined) ?? 0
  }

  /**
   * If this node, as an owner, lacks a write up to this time, that write was replaced or deleted, and must not come
   * back.
   */
  get value(): Timestamp {
    return this.#value
  }

  setMembers(members: readonly string[]): void {
    this.#stability.setMembers(members)
  }

  /** The members and the time to report if nothing has been forgotten for a while. */
  stall(): ForgettingStall | undefined {
    const nowMs = this.#parts.clock.nowMs()
    const forMs = this.ageMs()
    // A node that has just started does not know the other members' progress yet.
    if (Math.min(forMs, nowMs - this.#startedMs) < STALL_MS) return undefined
    const lately = timestampOf(nowMs - STALL_MS / 2)
    return { forMs, waitsFor: this.#stability.holdingBack(lately) }
  }

  /** How long ago the last settled write was made. A new node counts from its start. */
  ageMs(): number {
    const sinceMs = this.#value === 0 ? this.#startedMs : wallMsOf(this.#value)
    return this.#parts.clock.nowMs() - sinceMs
  }

  /** The members that keep the horizon at or below `timestamp`, as far as this node knows. */
  holdingBack(timestamp: Timestamp): string[] {
    return this.#stability.holdingBack(timestamp)
  }

  /** Whether this node may still keep a hint with this dot. It may not once its floor has passed the dot. */
  mayKeep(lowest: Timestamp): boolean {
    return lowest > this.#floor
  }

  /** No member will send anything with a dot up to this time. */
  quietUntil(): Timestamp {
    this.#raiseFloor()
    return this.#stability.quietUntil()
  }

  /** Moves the horizon in a cluster of one member, which has no peer to hear from. */
  moveAlone(): void {
    this.#raiseFloor()
    void this.#move()
  }

  tookOver(peer: string, until: Timestamp): void {
    this.#stability.tookOver(peer, until)
    void this.#move()
  }

  /** Everything this node knows of all members, for a peer. */
  floors(): MemberFloor[] {
    this.#raiseFloor()
    return [...this.#stability.entries()]
  }

  /** Learns what a peer knows. */
  learn(floors: readonly MemberFloor[]): void {
    for (const [member, floor, settled] of floors) this.#stability.learn(member, floor, settled)
    void this.#move()
  }

  #raiseFloor(): void {
    const { self, clock, hints, pending } = this.#parts
    const quiet = clock.mintFloor() - FLOOR_LAG_MS * TICKS_PER_MS
    const floor = Math.min(quiet, pending.lowest() - 1, hints.lowest() - 1)
    this.#floor = Math.max(this.#floor, floor)
    this.#stability.learn(self, this.#floor, 0)
  }

  async #move(): Promise<void> {
    if (this.#isMoving) return
    const next = this.#stability.horizon()
    if (next < this.#value + STEP_MS * TICKS_PER_MS) return
    this.#isMoving = true
    try {
      await this.#parts.state.set('horizon', next)
    } catch {
      // The disk takes no writes: the horizon moves later.
      return
    } finally {
      this.#isMoving = false
    }
    assert(next > this.#value, 'the horizon never goes back')
    this.#value = next
    this.moved.emit()
  }
}
