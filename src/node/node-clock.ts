/**
 * The node's hybrid clock over its ports: keeps the persisted bound ahead of use, refuses readings of other
 * clocks that are too far ahead, and knows how far each peer's clock is off.
 *
 * Drift is judged against this node's wall clock, in both directions: a peer whose stamp is too far ahead is
 * refused; and where this node's own hybrid clock has been pushed too far ahead of its wall clock (the wall
 * clock was set back), it mints nothing until the wall has caught up.
 */
import { HybridClock, TICKS_PER_MS, timestampOf, wallMsOf } from '../core/causality/hybrid-clock.ts'
import type { Timestamp } from '../core/causality/dot.ts'
import { QuorateError } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Timers } from '../ports/timers.ts'
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
  /** Peers may be so far ahead of this node's wall clock, and so may its own hybrid clock. */
  readonly maxDriftMs: number
  readonly #offsetsMs = new Map<string, number>()
  readonly #drifting = new Set<string>()
  #raising: Promise<void> | undefined
  /** Called before each new bound is stored. */
  onRaise: () => void = () => undefined

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
  }

  /** Persists the first bound, and waits until peers will not find this clock too far ahead of theirs. */
  async start(): Promise<void> {
    const aheadMs = wallMsOf(this.#hybrid.bound) - this.#clock.wallMs()
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

  /** Wall time in ms, for deadlines and expiry: never behind what other nodes have said. */
  nowMs(): number {
    return Math.max(this.#clock.wallMs(), wallMsOf(this.#hybrid.last))
  }

  /**
   * A new timestamp, or undefined where the bound must be persisted first: then await `raised` and ask again.
   * Throws clock_drift where the hybrid clock is too far ahead of the wall.
   */
  mint(): Timestamp | undefined {
    const wallMs = this.#clock.wallMs()
    const aheadMs = wallMsOf(this.#hybrid.last) - wallMs
    if (aheadMs > this.maxDriftMs) {
      throw new QuorateError(
        'clock_drift',
        `this node's clock is ${aheadMs} ms behind timestamps it has already given or accepted ` +
          `(at most ${this.maxDriftMs} ms are allowed); its writes go on when the clock has caught up`,
      )
    }
    const minted = this.#hybrid.mint(wallMs)
    const left = this.#hybrid.bound - Math.max(this.#hybrid.last, timestampOf(wallMs))
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
    // An idle clock has no need of a bound, but its promise must not stand still.
    if (wallMsOf(this.#hybrid.bound) < this.#clock.wallMs() - IDLE_BOUND_LAG_MS) {
      this.raised().catch(() => undefined)
    }
    return stamp
  }

  /** The reading for a message. */
  stamp(): Timestamp {
    return this.#hybrid.stamp(this.#clock.wallMs())
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

  /** This node's wall clock, in whole ms. */
  wallMs(): number {
    return Math.floor(this.#clock.wallMs())
  }

  /**
   * Takes note of a peer's two clock readings; false where its stamp is too far ahead: nothing of its message
   * may be applied then.
   */
  receive(peer: string, stamp: Timestamp, peerWallMs: number): boolean {
    const wallMs = this.#clock.wallMs()
    const offsetMs = Math.round(peerWallMs - wallMs)
    this.#offsetsMs.set(peer, offsetMs)
    if (wallMsOf(stamp) - wallMs > this.maxDriftMs) {
      this.#metrics.count('clock_drift_refusals_total', { peer })
      if (!this.#drifting.has(peer)) {
        this.#drifting.add(peer)
        this.#log.error({ peer, offsetMs }, 'refusing a peer whose clock is too far ahead of ours')
      }
      return false
    }
    if (this.#drifting.delete(peer)) this.#log.info({ peer, offsetMs }, 'clock is near ours again')
    this.#hybrid.receive(stamp)
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

  /** Whether the last message of the peer was refused. */
  isRefused(peer: string): boolean {
    return this.#drifting.has(peer)
  }

  /** How far the hybrid clock is ahead of this node's wall clock. */
  get aheadMs(): number {
    return wallMsOf(this.#hybrid.last) - this.wallMs()
  }

  offsetMs(peer: string): number | null {
    return this.#offsetsMs.get(peer) ?? null
  }

  async #raise(): Promise<void> {
    const ahead = timestampOf(this.#clock.wallMs() + BOUND_LEAD_MS)
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
