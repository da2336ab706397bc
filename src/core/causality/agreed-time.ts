/**
 * The time that a node uses: its wall clock, plus a correction if the cluster has agreed on a later time.
 *
 * A hybrid clock never goes back. Suppose that all clocks are ahead together and are then set right: every hybrid clock
 * is now ahead of every wall clock. No node could write until the wall clocks have caught up, although all members
 * agree. So a node follows the latest time that a majority of the members has reached, itself included.
 *
 * Invariant: the correction is raised only to a time that a majority of the members has reached by itself. If another
 * node has pushed a member's hybrid clock ahead within the allowed drift, that does not count; then the member's own
 * time counts. So the broken clocks of a minority move no other node's time.
 *
 * The correction shrinks by 1 ms in each second of the wall clock. This is slow enough for deadlines and ages that are
 * measured on two nodes. It depends only on the wall clock, so a restarted node has the same time as the others.
 */
import { assert } from '../assert.ts'
import { majority } from '../quorum/level.ts'
import type { Timestamp } from './dot.ts'
import { wallMsOf } from './hybrid-clock.ts'

const SHRINK_PER_MS = 1 / 1000
/** A peer's reading that is younger than this is advanced by its age. An older reading is used unchanged. */
const FRESH_MS = 3000
/**
 * While a correction is in force, a node moves its time if it is further behind or ahead of the majority than these
 * shares of the allowed drift. Together they are less than one: of two members that differ by more than the drift, the
 * one behind would refuse the other for ever.
 */
const BEHIND_SHARE = 1 / 10
const AHEAD_SHARE = 3 / 4

/** When the wall clock showed `sinceMs`, the time was `aheadMs` ahead of it. */
export interface Correction {
  readonly aheadMs: number
  readonly sinceMs: number
}

export const NO_CORRECTION: Correction = { aheadMs: 0, sinceMs: 0 }

/** This node's clocks at one moment. */
export interface Clocks {
  readonly wallMs: number
  readonly monotonicMs: number
  /** The wall time of the hybrid clock's last timestamp. */
  readonly lastMs: number
}

interface Heard {
  readonly timeMs: number
  readonly atMs: number
}

export class AgreedTime {
  readonly #maxDriftMs: number
  #correction: Correction
  #peers: readonly string[] = []
  /** The time that each peer had reached by itself when it was last heard. */
  readonly #heard = new Map<string, Heard>()

  constructor(maxDriftMs: number, correction: Correction) {
    this.#maxDriftMs = maxDriftMs
    this.#correction = correction
  }

  get correction(): Correction {
    return this.#correction
  }

  /** All other members. Only members count. */
  setPeers(peers: readonly string[]): void {
    this.#peers = peers
    for (const known of this.#heard.keys()) if (!peers.includes(known)) this.#heard.delete(known)
  }

  /** How far the time is ahead of the wall clock. */
  aheadMs(wallMs: number): number {
    const { aheadMs, sinceMs } = this.#correction
    if (aheadMs === 0) return 0
    return Math.max(0, aheadMs - Math.max(0, wallMs - sinceMs) * SHRINK_PER_MS)
  }

  /** The wall clock was set forward by `byMs`: reduces the correction, so that the time goes on as before. */
  steppedForward(byMs: number, wallMs: number): void {
    this.#set(this.aheadMs(wallMs - byMs) - byMs, wallMs)
  }

  /** Records a peer's hybrid clock and its time, even if this node refuses them. */
  hear(peer: string, stamp: Timestamp, peerMs: number, { monotonicMs }: Clocks): void {
    if (!this.#peers.includes(peer)) return
    const timeMs = this.#reachedAlone(wallMsOf(stamp), peerMs)
    this.#heard.set(peer, { timeMs, atMs: monotonicMs })
  }

  /** Follows a majority whose time is too far ahead of this node's. Returns whether there is such a majority. */
  follow(clocks: Clocks): boolean {
    const { wallMs } = clocks
    const agreedMs = this.reachedByMajority(clocks)
    if (agreedMs - wallMs - this.aheadMs(wallMs) <= this.#maxDriftMs) return false
    this.#set(agreedMs - wallMs, wallMs)
    return true
  }

  /**
   * While there is a correction: approaches the time of the majority, from below or from above. It goes down only if
   * the difference is a large part of the allowed drift, because others may then refuse this node's time. A smaller
   * difference may come from readings that are as old as their messages took.
   *
   * A node that goes up takes the time of the majority. One that goes down stays that large part ahead of it. Otherwise it
   * would go below the others by the age of the readings. They would then see it far behind, and go down themselves,
   * again and again. If messages take longer than that part of the allowed drift, two members may still do so. This
   * breaks no promise: each then gives its correction back sooner, and takes the later time again when it needs it.
   */
  align(clocks: Clocks): void {
    const { wallMs } = clocks
    if (this.#correction.aheadMs === 0) return
    const timeMs = wallMs + this.aheadMs(wallMs)
    const agreedMs = this.reachedByMajority(clocks)
    const nearMs = this.#timeOfMajority(clocks, timeMs)
    if (agreedMs - timeMs > this.#maxDriftMs * BEHIND_SHARE) this.#set(agreedMs - wallMs, wallMs)
    else if (timeMs - nearMs > this.#maxDriftMs * AHEAD_SHARE) {
      this.#set(nearMs + this.#maxDriftMs * AHEAD_SHARE - wallMs, wallMs)
    }
  }

  #set(aheadMs: number, sinceMs: number): void {
    this.#correction = { aheadMs: Math.max(0, aheadMs), sinceMs }
  }

  /**
   * Whether by itself: another node cannot push a hybrid clock further ahead of its node's time than the allowed drift.
   * If it is further ahead, the node's own time was there once, and was set back.
   */
  #reachedAlone(hybridMs: number, timeMs: number): number {
    return hybridMs - timeMs > this.#maxDriftMs ? hybridMs : timeMs
  }

  /** The latest time that a majority of the members has reached. A member that was not heard counts as zero. */
  reachedByMajority({ wallMs, lastMs, monotonicMs }: Clocks): number {
    const reached = this.#peers.map((peer) => {
      const heard = this.#heard.get(peer)
      if (heard === undefined) return 0
      const { timeMs, atMs } = heard
      return monotonicMs - atMs <= FRESH_MS ? timeMs + monotonicMs - atMs : timeMs
    })
    const own = this.#reachedAlone(lastMs, wallMs + this.aheadMs(wallMs))
    return this.#leastOfMajority([own, ...reached])
  }

  /** The same, from members that were heard a moment ago. Returns `timeMs` if they are no majority. */
  #timeOfMajority({ monotonicMs }: Clocks, timeMs: number): number {
    const fresh = [...this.#heard.values()].filter(({ atMs }) => monotonicMs - atMs <= FRESH_MS)
    const told = [timeMs, ...fresh.map((heard) => heard.timeMs + monotonicMs - heard.atMs)]
    return told.length < majority(this.#peers.length + 1) ? timeMs : this.#leastOfMajority(told)
  }

  /** The highest time that a majority of all members has reached, as far as known. */
  #leastOfMajority(told: number[]): number {
    const least = told.sort((a, b) => b - a)[majority(this.#peers.length + 1) - 1]
    assert(least !== undefined, 'a majority has been told')
    return least
  }
}
