/**
 * This node's part in settling what is history (core/repair/stability.ts): the promise it makes, what it has
 * heard of the others' promises, and the horizon that follows, durable before anything acts on it.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { TICKS_PER_MS, timestampOf, wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { Stability } from '../../core/repair/stability.ts'
import type { Encodable } from '../../ports/codec.ts'
import { type ForgettingStall, STALL_MS } from './forgetting.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { PendingDots } from '../replica/pending-dots.ts'

/** The promise stays so far behind the clock: a write that is handed to a stand-in is younger than that. */
const FLOOR_LAG_MS = 5000
/** The horizon is moved, and written, in steps of at least this. */
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
  #promised: Timestamp = 0
  readonly #startedMs: number
  #isMoving = false
  /** Told of each new horizon. */
  onMoved: () => void = () => undefined

  constructor(parts: HorizonParts) {
    this.#parts = parts
    this.#stability = new Stability(parts.self, parts.members)
    this.#startedMs = parts.clock.nowMs()
    this.#value = (parts.state.get('horizon') as Timestamp | undefined) ?? 0
  }

  /** What is older than this, and not held by this node as an owner, is history. */
  get value(): Timestamp {
    return this.#value
  }

  setMembers(members: readonly string[]): void {
    this.#stability.setMembers(members)
  }

  /** Why nothing has been forgotten for a while, if so. */
  stall(): ForgettingStall | undefined {
    const nowMs = this.#parts.clock.nowMs()
    const sinceMs = this.#value === 0 ? this.#startedMs : wallMsOf(this.#value)
    // A node that has just started does not know yet how far the others are.
    if (nowMs - Math.max(sinceMs, this.#startedMs) < STALL_MS) return undefined
    const lately = timestampOf(nowMs - STALL_MS / 2)
    return { forMs: nowMs - sinceMs, waitsFor: this.#stability.holdingBack(lately) }
  }

  /** Whether a write that old may still be kept here for another owner: it may not, once that is promised. */
  mayKeep(lowest: Timestamp): boolean {
    return lowest > this.#promised
  }

  /** Nothing with a dot up to this comes from any member any more. */
  quietUntil(): Timestamp {
    this.#promise()
    return this.#stability.quietUntil()
  }

  /** Moves the horizon of a cluster of one: nobody has to be heard for it. */
  moveAlone(): void {
    this.#promise()
    void this.#move()
  }

  tookOver(peer: string, until: Timestamp): void {
    this.#stability.tookOver(peer, until)
    void this.#move()
  }

  /** What this node knows of everybody, for a peer: member, floor, settled, member, … */
  encode(): Encodable[] {
    this.#promise()
    return [...this.#stability.entries()].flat()
  }

  /** Takes over what a peer knows. Throws on garbage. */
  learn(entries: Encodable | undefined): void {
    if (!Array.isArray(entries) || entries.length % 3 !== 0) throw new Error('not a list of floors')
    for (let i = 0; i < entries.length; i += 3) {
      const [member, floor, settled] = entries.slice(i, i + 3) as unknown[]
      if (typeof member !== 'string' || !Number.isSafeInteger(floor)) throw new Error('not a floor')
      if (!Number.isSafeInteger(settled)) throw new Error('not a floor')
      this.#stability.learn(member, floor as number, settled as number)
    }
    void this.#move()
  }

  #promise(): void {
    const { self, clock, hints, pending } = this.#parts
    const quiet = clock.promise() - FLOOR_LAG_MS * TICKS_PER_MS
    const floor = Math.min(quiet, pending.lowest() - 1, hints.lowest() - 1)
    this.#promised = Math.max(this.#promised, floor)
    this.#stability.learn(self, this.#promised, 0)
  }

  async #move(): Promise<void> {
    if (this.#isMoving) return
    const next = this.#stability.horizon()
    if (next < this.#value + STEP_MS * TICKS_PER_MS) return
    this.#isMoving = true
    try {
      await this.#parts.state.set('horizon', next)
      this.#value = next
      this.onMoved()
    } catch {
      // The disk takes no writes: the horizon waits for it.
    } finally {
      this.#isMoving = false
    }
  }
}
