/**
 * The node's hybrid logical clock. It persists an upper bound ahead of use, refuses readings of other clocks that are
 * too far ahead, and tracks the offset of each peer's clock.
 *
 * *This node's time* is its wall clock, unless a majority of the members agrees on a later time (agreed-time.ts). Drift
 * is judged against this time in both directions:
 * - A peer is refused if its stamp is too far ahead.
 * - If this node's own hybrid clock is too far ahead (because the wall clock was set back), it mints nothing until this
 *   node's time has caught up.
 */
import {
  AgreedTime,
  type Clocks,
  type Correction,
  NO_CORRECTION,
} from '../../core/causality/agreed-time.ts'
import { assert } from '../../core/assert.ts'
import {
  HybridClock,
  TICKS_PER_MS,
  timestampOf,
  wallMsOf,
} from '../../core/causality/hybrid-clock.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { QuorateError } from '../../core/errors.ts'
import { Signal } from '../../core/signal.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeState } from './node-state.ts'
import type { PeerLives } from './peer-lives.ts'

/** The bound is persisted this far ahead. A restarted node may have to wait for about this long. */
const BOUND_LEAD_MS = 1000
/** The bound is raised again when less than this is left. */
const BOUND_MARGIN_MS = 500
/** The bound of an idle node may lag this far behind its clock, so that it writes to the disk only now and then. */
const IDLE_BOUND_LAG_MS = 2000
/** If the clock is further than this behind its bound, it was set back. Waiting at the start would not help then. */
const START_WAIT_MS_MAX = 2000

export class NodeClock {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #state: NodeState
  readonly #lives: PeerLives
  readonly #hybrid: HybridClock
  readonly #agreed: AgreedTime
  /** The largest allowed lead of a peer's stamp, and of the own hybrid clock, over this node's time. */
  readonly maxDriftMs: number
  readonly #offsetsMs = new Map<string, number>()
  readonly #drifting = new Set<string>()
  #raising: Promise<void> | undefined
  /** The next raise makes the bound at least this high. */
  #wantedBound: Timestamp = 0
  /** The wall-clock time at which the monotonic clock began. It changes when somebody sets the wall clock. */
  #bootMs: number
  /** The correction that was last stored. */
  #savedMs: number
  /** The clock of a peer is believed again after a refusal, so its messages count. */
  readonly believed = new Signal<[peer: string]>()

  constructor(
    ports: { clock: Clock; timers: Timers; log: Log; metrics: Metrics },
    parts: { state: NodeState; lives: PeerLives; maxDriftMs: number },
  ) {
    const { state, lives, maxDriftMs } = parts
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#state = state
    this.#lives = lives
    this.maxDriftMs = maxDriftMs
    this.#hybrid = new HybridClock((state.get('clock') as number | undefined) ?? 0)
    this.#bootMs = ports.clock.wallMs() - ports.clock.monotonicMs()
    // The stored correction is needed only if the wall clock is still behind this node's stamps. Otherwise somebody may
    // have set the wall clock right while the node was down. The correction would then be added on top of that.
    const behindMs = wallMsOf(this.#hybrid.bound) - ports.clock.wallMs()
    const isNeeded = behindMs > START_WAIT_MS_MAX
    const correction = isNeeded ? correctionIn(state.get('clock-correction')) : NO_CORRECTION
    this.#agreed = new AgreedTime(maxDriftMs, correction)
    this.#savedMs = correction.aheadMs
  }

  /** Sets the other members. If the clocks disagree, a majority of all members decides. */
  setPeers(peers: readonly string[]): void {
    this.#agreed.setPeers(peers)
  }

  /** Persists the first bound, and waits until this clock is not too far ahead for the peers. */
  async start(): Promise<void> {
    const aheadMs = wallMsOf(this.#hybrid.bound) - this.#timeMs()
    const waitMs = Math.min(aheadMs - this.maxDriftMs / 2, START_WAIT_MS_MAX)
    if (waitMs > 0) await new Promise<void>((resolve) => void this.#timers.after(waitMs, resolve))
    const found = this.#hybrid.bound
    await this.#raise()
    // Every stamp of this life must be above the bound that the directory held before it (directory-proof.ts).
    this.#hybrid.receive(found + 1)
  }

  /** The highest timestamp minted or received. */
  get last(): Timestamp {
    return this.#hybrid.last
  }

  /** The time in ms for deadlines and expiry. It is never behind a stamp of another node that was accepted. */
  nowMs(): number {
    return Math.max(this.#timeMs(), wallMsOf(this.#hybrid.last))
  }

  /** The time until a deadline; 0 once it has passed. */
  leftMs(deadlineMs: number): number {
    return Math.max(0, deadlineMs - this.nowMs())
  }

  /**
   * Returns a new timestamp, or undefined if the bound must be persisted first: await `raised`, and try again. Throws
   * clock_drift if the hybrid clock is too far ahead of this node's time.
   */
  mint(): Timestamp | undefined {
    if (this.aheadMs > this.maxDriftMs) this.#follow()
    if (this.aheadMs > this.maxDriftMs) throw this.#driftError()
    const timeMs = this.#timeMs()
    const minted = this.#hybrid.mint(timeMs)
    const left = this.#hybrid.bound - Math.max(this.#hybrid.last, timestampOf(timeMs))
    if (left < BOUND_MARGIN_MS * TICKS_PER_MS) this.raised().catch(() => undefined)
    return minted
  }

  /** Resolves once a bound ahead of now is durable; rejects with a `DiskError`. */
  raised(): Promise<void> {
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined
    })
    return this.#raising
  }

  /** Resolves once a bound that is not below `timestamp` is durable; rejects with a `DiskError`. */
  async raisedTo(timestamp: Timestamp): Promise<void> {
    this.#wantedBound = Math.max(this.#wantedBound, timestamp)
    // A raise that is in progress may have begun before, so this may take a second one.
    while (this.#hybrid.bound < timestamp) await this.raised()
  }

  /** A lower bound: neither this life of the node nor a later one mints a timestamp up to the returned one. */
  mintFloor(): Timestamp {
    const stamp = this.stamp()
    // An idle node does not need a new bound for itself, but this floor must advance. While a correction is in force,
    // its stamps must also keep up, because the other members would take its clock for slow.
    const lagMs = this.correctionMs > 0 ? -BOUND_MARGIN_MS : IDLE_BOUND_LAG_MS
    if (wallMsOf(this.#hybrid.bound) < this.#timeMs() - lagMs) {
      this.raised().catch(() => undefined)
    }
    return stamp
  }

  /** The clock reading that a message carries. */
  stamp(): Timestamp {
    return this.#hybrid.stamp(this.#timeMs())
  }

  /** A timestamp that is not below any stamp that this clock has given or received. */
  reading(): Timestamp {
    return Math.max(this.last, this.stamp())
  }

  /**
   * A timestamp above every ballot that earlier lives of this node can have promised. This clock must have observed the
   * stamps of those lives before. No life accepts a ballot that is ahead of its clock by more than the allowed drift.
   */
  beyondEarlierLives(): Timestamp {
    return this.reading() + this.maxDriftMs * TICKS_PER_MS
  }

  /** The latest time that a majority of the members has reached by their own clocks, as far as this node has heard. */
  get majorityMs(): number {
    return this.#agreed.reachedByMajority(this.#clocks())
  }

  /** This node's time in whole ms, without the stamps that it has received: other nodes compare it with theirs. */
  ownMs(): number {
    return Math.floor(this.#timeMs())
  }

  /** Records a peer's clock readings. Returns false if its stamp is too far ahead: its message must not be applied. */
  receive(peer: string, stamp: Timestamp, peerMs: number): boolean {
    const offsetMs = Math.round(peerMs - this.#timeMs())
    this.#offsetsMs.set(peer, offsetMs)
    this.#agreed.hear(peer, stamp, peerMs, this.#clocks())
    this.#align()
    const isTooFarAhead = (): boolean => wallMsOf(stamp) - this.#timeMs() > this.maxDriftMs
    if (isTooFarAhead()) this.#follow()
    if (isTooFarAhead()) {
      this.#metrics.count('clock_drift_refusals_total', { peer })
      if (!this.#drifting.has(peer)) {
        this.#drifting.add(peer)
        this.#log.error({ peer, offsetMs }, 'refusing a peer because its clock is too far ahead')
      }
      return false
    }
    this.#hybrid.receive(stamp)
    if (this.#drifting.delete(peer)) {
      this.#log.info({ peer, offsetMs }, 'accepting the peer again: its clock is not too far ahead')
      this.believed.emit(peer)
    }
    return true
  }

  /** Advances the clock past a timestamp from a record on this node's disk, or from an accepted message. */
  observe(timestamp: Timestamp): void {
    this.#hybrid.receive(timestamp)
  }

  /**
   * Calls `act` once, just before this clock passes `timestamp` (core/causality/hybrid-clock.ts). Returns undefined if it
   * has passed, and otherwise a function that cancels the call.
   */
  beforePassing(timestamp: Timestamp, act: () => void): (() => void) | undefined {
    return this.#hybrid.beforePassing(timestamp, act)
  }

  /** Whether a timestamp is further ahead than any clock of the cluster is allowed to be. */
  isTooFarAhead(timestamp: Timestamp): boolean {
    return wallMsOf(timestamp) - this.nowMs() > this.maxDriftMs
  }

  /** Whether the peer's last message was refused. Its answers do not count then, so do not ask it (peer-reach.ts). */
  isRefused(peer: string): boolean {
    return this.#drifting.has(peer)
  }

  /** The lead of the hybrid clock over this node's time. */
  get aheadMs(): number {
    return wallMsOf(this.#hybrid.last) - Math.floor(this.#timeMs())
  }

  /** The lead of this node's time over its wall clock, because the members have agreed on that time. */
  get correctionMs(): number {
    return this.#agreed.aheadMs(this.#clock.wallMs())
  }

  /** The time until this node's time has caught up with its hybrid clock, so that it can mint again. */
  get waitMs(): number {
    return Math.max(0, this.aheadMs - this.maxDriftMs)
  }

  offsetMs(peer: string): number | null {
    return this.#offsetsMs.get(peer) ?? null
  }

  #timeMs(): number {
    const wallMs = this.#clock.wallMs()
    if (this.#agreed.correction.aheadMs === 0) return wallMs
    this.#lookForStep(wallMs)
    return wallMs + this.#agreed.aheadMs(wallMs)
  }

  /** Reduces the correction when the wall clock is set right, so that it is not added on top of the new wall time. */
  #lookForStep(wallMs: number): void {
    const bootMs = wallMs - this.#clock.monotonicMs()
    const steppedMs = bootMs - this.#bootMs
    this.#bootMs = bootMs
    if (steppedMs <= this.maxDriftMs) return
    this.#agreed.steppedForward(steppedMs, wallMs)
    this.#saveCorrection()
  }

  #align(): void {
    if (this.#agreed.correction.aheadMs === 0) return
    this.#timeMs()
    this.#agreed.align(this.#clocks())
    const changedMs = Math.abs(this.#agreed.correction.aheadMs - this.#savedMs)
    if (changedMs > this.maxDriftMs / 2) this.#saveCorrection()
  }

  #clocks(): Clocks {
    const [wallMs, monotonicMs] = [this.#clock.wallMs(), this.#clock.monotonicMs()]
    return { wallMs, monotonicMs, lastMs: wallMsOf(this.#hybrid.last) }
  }

  #saveCorrection(): void {
    const { aheadMs, sinceMs } = this.#agreed.correction
    this.#savedMs = aheadMs
    // A failure does no harm: the value is read only after a restart, and then the node can follow the majority again.
    this.#state.set('clock-correction', [aheadMs, sinceMs]).catch(() => undefined)
  }

  /** Raises this node's time to that of a majority, if a majority agrees on a later time. */
  #follow(): void {
    if (!this.#agreed.follow(this.#clocks())) return
    const { aheadMs } = this.#agreed.correction
    this.#bootMs = this.#clock.wallMs() - this.#clock.monotonicMs()
    this.#log.warn(
      { aheadMs },
      'following a majority of the members, whose time is ahead of this clock',
    )
    this.#saveCorrection()
  }

  #driftError(): QuorateError {
    const { aheadMs, maxDriftMs, waitMs } = this
    return new QuorateError(
      'clock_drift',
      `this node's clock is ${aheadMs} ms behind timestamps that it has already given or accepted ` +
        `(at most ${maxDriftMs} ms are allowed); it accepts writes again when its clock has caught up`,
      { retryAfterSeconds: Math.ceil(waitMs / 1000) },
    )
  }

  async #raise(): Promise<void> {
    const ahead = timestampOf(this.#timeMs() + BOUND_LEAD_MS)
    const bound = Math.max(
      ahead,
      this.#hybrid.last + BOUND_LEAD_MS * TICKS_PER_MS,
      this.#hybrid.bound,
      this.#wantedBound,
    )
    this.#state.set('heard', this.#lives.encode()).catch(() => undefined)
    await this.#state.set('clock', bound)
    this.#hybrid.raiseBound(bound)
  }
}

function correctionIn(stored: Encodable | undefined): Correction {
  if (stored === undefined) return NO_CORRECTION
  const [aheadMs, sinceMs] = stored as number[]
  assert(Number.isFinite(aheadMs) && Number.isFinite(sinceMs), 'a stored correction is two numbers')
  return { aheadMs: aheadMs as number, sinceMs: sinceMs as number }
}
