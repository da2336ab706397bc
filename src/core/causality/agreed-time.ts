/**
 * The time that a node keeps: its wall clock, plus a correction where the cluster has agreed on a later time.
 *
 * A hybrid clock never goes back. If all clocks are wrong together and are then set right, every hybrid clock lies
 * ahead of every wall clock. Nobody could write until the wall clocks have caught up, though all members agree. So a
 * node follows the latest time that a majority of the members has reached, itself included.
 *
 * Invariant: the correction is raised only to a time that a majority of the members has reached by itself. A hybrid clock
 * that another node has pushed ahead, within the drift that is allowed, does not count: the node's time counts then. So
 * the broken clocks of a minority move nobody else's time.
 *
 * The correction shrinks by 1 ms in each second of the wall clock: that is slow enough for deadlines and ages that
 * are counted on two nodes, and it follows from the wall clock alone, so that a restarted node has the time that the
 * others have.
 */
import { assert } from '../assert.ts'
import { majority } from '../quorum/level.ts'
import type { Timestamp } from './dot.ts'
import { wallMsOf } from './hybrid-clock.ts'

const SHRINK_PER_MS = 1 / 1000
/** A peer's reading that is younger than this is advanced by its age. An older reading is used unchanged. */
const FRESH_MS = 3000
/** While a correction is in force, members align their times to within this distance. */
const ALIGN_MS = 50

/** So much was the time ahead of the wall clock when that showed `sinceMs`. */
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

  /** All other members: only they have a say. */
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

  /** The wall clock was set forward by so much: the correction makes up for less now, and the time goes on as before. */
  steppedForward(byMs: number, wallMs: number): void {
    this.#set(this.aheadMs(wallMs - byMs) - byMs, wallMs)
  }

  /** Takes note of a peer's hybrid clock and of its time, believed or not. */
  hear(peer: string, stamp: Timestamp, peerMs: number, { monotonicMs }: Clocks): void {
    if (!this.#peers.includes(peer)) return
    const timeMs = this.#reachedAlone(wallMsOf(stamp), peerMs)
    this.#heard.set(peer, { timeMs, atMs: monotonicMs })
  }

  /** Follows a majority whose time is too far ahead of this node's. Returns whether there is one. */
  follow(clocks: Clocks): boolean {
    const { wallMs } = clocks
    const agreedMs = this.reachedByMajority(clocks)
    if (agreedMs - wallMs - this.aheadMs(wallMs) <= this.#maxDriftMs) return false
    this.#set(agreedMs - wallMs, wallMs)
    return true
  }

  /**
   * While there is a correction: comes near to the majority again, from below or from above. (From above only where the
   * others refuse this node's time: what they say of theirs may be a moment old.)
   */
  align(clocks: Clocks): void {
    const { wallMs } = clocks
    if (this.#correction.aheadMs === 0) return
    const timeMs = wallMs + this.aheadMs(wallMs)
    const agreedMs = this.reachedByMajority(clocks)
    const nearMs = this.#timeOfMajority(clocks, timeMs)
    if (agreedMs > timeMs + ALIGN_MS) this.#set(agreedMs - wallMs, wallMs)
    else if (timeMs - nearMs > this.#maxDriftMs) this.#set(nearMs - wallMs, wallMs)
  }

  #set(aheadMs: number, sinceMs: number): void {
    this.#correction = { aheadMs: Math.max(0, aheadMs), sinceMs }
  }

  /**
   * Nobody pushes a node's hybrid clock further ahead of its time than the drift that is allowed. If it is further
   * ahead, the node's own time was once there, and was set back.
   */
  #reachedAlone(hybridMs: number, timeMs: number): number {
    return hybridMs - timeMs > this.#maxDriftMs ? hybridMs : timeMs
  }

  /** The latest time that a majority of the members has reached. A member that was not heard has reached none. */
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

  /** The same of the members that were heard a moment ago. `timeMs` where they are no majority. */
  #timeOfMajority({ monotonicMs }: Clocks, timeMs: number): number {
    const fresh = [...this.#heard.values()].filter(({ atMs }) => monotonicMs - atMs <= FRESH_MS)
    const told = [timeMs, ...fresh.map((heard) => heard.timeMs + monotonicMs - heard.atMs)]
    return told.length < majority(this.#peers.length + 1) ? timeMs : this.#leastOfMajority(told)
  }

  /** The highest time that a majority of all members is not below, as far as they are told. */
  #leastOfMajority(told: number[]): number {
    const least = told.sort((a, b) => b - a)[majority(this.#peers.length + 1) - 1]
    assert(least !== undefined, 'a majority has been told')
    return least
  }
}
