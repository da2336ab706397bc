/**
 * The node's hybrid clock over its ports: keeps the persisted bound ahead of use, refuses readings of other
 * clocks that are too far ahead, and knows how far each peer's clock is off.
 *
 * Drift is judged against this node's time (agreed-time.ts), in both directions: a peer whose stamp is too far ahead
 * is refused; and where this node's own hybrid clock has been pushed too far ahead of its time (the wall clock was set
 * back), it mints nothing until its time has caught up. Its time is its wall clock, unless a majority of the members
 * agrees on a later one: then nobody has to be protected from that time, and this node goes on from there.
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
import type { Clock } from '../../ports/clock.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeState } from './node-state.ts'

/** How far ahead the bound is persisted: a restarted clock may have to wait for about this long. */
const BOUND_LEAD_MS = 1000
/** The bound is raised again when less than this is left. */
const BOUND_MARGIN_MS = 500
/** An idle node's bound stays so far behind its clock: a write to the disk now and then is enough. */
const IDLE_BOUND_LAG_MS = 2000
/** A clock that is further behind its bound than this was set back: waiting at the start would not help. */
const START_WAIT_MS_MAX = 2000

export class NodeClock {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #state: NodeState
  readonly #hybrid: HybridClock
  readonly #agreed: AgreedTime
  /** Peers may be so far ahead of this node's time, and so may its own hybrid clock. */
  readonly maxDriftMs: number
  readonly #offsetsMs = new Map<string, number>()
  readonly #drifting = new Set<string>()
  #raising: Promise<void> | undefined
  /** What the wall clock showed when the monotonic one began: it changes where the wall clock is set. */
  #bootMs: number
  #savedMs: number
  /** Called before each new bound is stored. */
  onRaise: () => void = () => undefined
  /** Called with a peer whose messages were refused, when one is not any more. */
  onBelieved: (peer: string) => void = () => undefined

  constructor(
    ports: { clock: Clock; timers: Timers; log: Log; metrics: Metrics },
    state: NodeState,
    maxDriftMs: number,
  ) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#state = state
    this.maxDriftMs = maxDriftMs
    this.#hybrid = new HybridClock((state.get('clock') as number | undefined) ?? 0)
    this.#bootMs = ports.clock.wallMs() - ports.clock.monotonicMs()
    // Needed only where the wall clock is still behind what this node has said. Else it may have been set right while
    // the node was down: then the correction would come on top of that, and no majority could take it back.
    const behindMs = wallMsOf(this.#hybrid.bound) - ports.clock.wallMs()
    const isNeeded = behindMs > START_WAIT_MS_MAX
    const correction = isNeeded ? correctionIn(state.get('clock-correction')) : NO_CORRECTION
    this.#agreed = new AgreedTime(maxDriftMs, correction)
    this.#savedMs = correction.aheadMs
  }

  /** All other members: a majority of all members decides where the clocks disagree. */
  setPeers(peers: readonly string[]): void {
    this.#agreed.setPeers(peers)
  }

  /** Persists the first bound, and waits until peers will not find this clock too far ahead of theirs. */
  async start(): Promise<void> {
    const aheadMs = wallMsOf(this.#hybrid.bound) - this.#timeMs()
    const waitMs = Math.min(aheadMs - this.maxDriftMs / 2, START_WAIT_MS_MAX)
    if (waitMs > 0) await new Promise<void>((resolve) => void this.#timers.after(waitMs, resolve))
    const found = this.#hybrid.bound
    await this.#raise()
    // Whoever hears of this life hears of more than the directory knew before it (directory-proof.ts).
    this.#hybrid.receive(found + 1)
  }

  /** The highest timestamp minted or received. */
  get last(): Timestamp {
    return this.#hybrid.last
  }

  /** This node's time in ms, for deadlines and expiry: never behind what other nodes have said. */
  nowMs(): number {
    return Math.max(this.#timeMs(), wallMsOf(this.#hybrid.last))
  }

  /**
   * A new timestamp, or undefined where the bound must be persisted first: then await `raised` and ask again.
   * Throws clock_drift where the hybrid clock is too far ahead of this node's time.
   */
  mint(): Timestamp | undefined {
    if (this.aheadMs > this.maxDriftMs && !(this.#follow() && this.aheadMs <= this.maxDriftMs)) {
      throw this.#driftError()
    }
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
    // One that is under way may have been begun too early.
    while (this.#hybrid.bound < timestamp) await this.raised()
  }

  /** A timestamp at or below which this node, in this and any later life, mints nothing any more. */
  promise(): Timestamp {
    const stamp = this.stamp()
    // An idle clock has no need of a bound, but its promise must not stand still; nor must the others take it for slow
    // while the members' time is agreed on.
    const lagMs = this.correctionMs > 0 ? -BOUND_MARGIN_MS : IDLE_BOUND_LAG_MS
    if (wallMsOf(this.#hybrid.bound) < this.#timeMs() - lagMs) {
      this.raised().catch(() => undefined)
    }
    return stamp
  }

  /** The reading for a message. */
  stamp(): Timestamp {
    return this.#hybrid.stamp(this.#timeMs())
  }

  /** Not below anything that this clock has said, or heard. */
  reading(): Timestamp {
    return Math.max(this.last, this.stamp())
  }

  /**
   * Beyond all that earlier lives of this node can have promised, as far as this clock has observed them: none took
   * anything further ahead of its clock than the drift that is allowed.
   */
  beyondEarlierLives(): Timestamp {
    return this.reading() + this.maxDriftMs * TICKS_PER_MS
  }

  /** The latest time that a majority of the members has reached by their own clocks, as far as they were heard. */
  get majorityMs(): number {
    return this.#agreed.reachedByMajority(this.#clocks())
  }

  /** This node's time, whatever it has heard, in whole ms: for others to compare with theirs. */
  ownMs(): number {
    return Math.floor(this.#timeMs())
  }

  /**
   * Takes note of a peer's two clock readings; false where its stamp is too far ahead: nothing of its message
   * may be applied then.
   */
  receive(peer: string, stamp: Timestamp, peerMs: number): boolean {
    const offsetMs = Math.round(peerMs - this.#timeMs())
    this.#offsetsMs.set(peer, offsetMs)
    this.#agreed.hear(peer, stamp, peerMs, this.#clocks())
    this.#align()
    const isTooFarAhead = (): boolean => wallMsOf(stamp) - this.#timeMs() > this.maxDriftMs
    if (isTooFarAhead() && !(this.#follow() && !isTooFarAhead())) {
      this.#metrics.count('clock_drift_refusals_total', { peer })
      if (!this.#drifting.has(peer)) {
        this.#drifting.add(peer)
        this.#log.error({ peer, offsetMs }, 'refusing a peer whose clock is too far ahead of ours')
      }
      return false
    }
    this.#hybrid.receive(stamp)
    if (this.#drifting.delete(peer)) {
      this.#log.info({ peer, offsetMs }, 'clock is near ours again')
      this.onBelieved(peer)
    }
    return true
  }

  /** Notes a timestamp found in a record of our own disk or accepted from a peer that passed `receive`. */
  observe(timestamp: Timestamp): void {
    this.#hybrid.receive(timestamp)
  }

  /** Whether a timestamp is further ahead than any clock of the cluster may be. */
  isTooFarAhead(timestamp: Timestamp): boolean {
    return wallMsOf(timestamp) - this.nowMs() > this.maxDriftMs
  }

  /** Whether the last message of the peer was refused: an ask would be in vain (peer-reach.ts). */
  isRefused(peer: string): boolean {
    return this.#drifting.has(peer)
  }

  /** How far the hybrid clock is ahead of this node's time. */
  get aheadMs(): number {
    return wallMsOf(this.#hybrid.last) - Math.floor(this.#timeMs())
  }

  /** How far this node's time is ahead of its wall clock, because the members have agreed on that time. */
  get correctionMs(): number {
    return this.#agreed.aheadMs(this.#clock.wallMs())
  }

  /** How long it takes until this node's time has caught up with its hybrid clock, so that it mints again. */
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

  /** Where the wall clock is set right at last, the correction must not come on top of that. */
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
    // Needed after a restart only: a node that finds an older correction has the majority to follow.
    this.#state.set('clock-correction', [aheadMs, sinceMs]).catch(() => undefined)
  }

  /** Whether this node's time has been raised to that of a majority. */
  #follow(): boolean {
    if (!this.#agreed.follow(this.#clocks())) return false
    const { aheadMs } = this.#agreed.correction
    this.#bootMs = this.#clock.wallMs() - this.#clock.monotonicMs()
    this.#log.warn({ aheadMs }, 'a majority of the members is ahead of this clock: following it')
    this.#saveCorrection()
    return true
  }

  #driftError(): QuorateError {
    const { aheadMs, maxDriftMs, waitMs } = this
    return new QuorateError(
      'clock_drift',
      `this node's clock is ${aheadMs} ms behind timestamps it has already given or accepted ` +
        `(at most ${maxDriftMs} ms are allowed); its writes go on when the clock has caught up`,
      { retryAfterSeconds: Math.ceil(waitMs / 1000) },
    )
  }

  async #raise(): Promise<void> {
    const ahead = timestampOf(this.#timeMs() + BOUND_LEAD_MS)
    const bound = Math.max(
      ahead,
      this.#hybrid.last + BOUND_LEAD_MS * TICKS_PER_MS,
      this.#hybrid.bound,
    )
    this.onRaise()
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
