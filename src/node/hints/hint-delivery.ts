/**
 * Delivers hints to their owners once the owners are in reach again. For each owner, the number of hints in flight
 * grows by one with each quick answer, and halves after a slow or failed one (AIMD). So a returning node is not
 * overloaded (scylladb #7976: five times the writes, and the latency rose from 20 to 350 ms).
 *
 * Invariant: a hint is removed only after its owner has confirmed that the write is durable there.
 */
import { assert } from '../../core/assert.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { HintStore } from './hint-store.ts'
import type { HintSync } from '../service/service.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type Copy, RecordCorruptError } from '../wire/object-record.ts'
import type { AskHandler } from '../peers/ask-handlers.ts'
import type { PeerReach } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import { APPLY, APPLY_IS_REPAIR, type ApplyRequest } from '../wire/asks/copy-asks.ts'
import { type HintName, parseHintKey } from '../storage/storage-keys.ts'
import type { HintRoute } from './hint-route.ts'

/** Owners with hints are checked this often, and also when something wakes the delivery. */
const LOOK_INTERVAL_MS = 500
const DELIVERY_TIMEOUT_MS = 5000
/** An owner that answers within this time is not overloaded. */
const TARGET_LATENCY_MS = 50
const WINDOW_MIN = 1
const WINDOW_MAX = 128
const WINDOW_START = 8

/** The hints in flight to one owner, and the bound of their number. */
interface Lane {
  /** The largest number of hints in flight. */
  window: number
  /** Storage keys of the hints in flight. */
  readonly underWay: Set<string>
  /** After a failure no hint is sent before this monotonic time. */
  pausedUntilMs: number
}

export class HintDelivery {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #hints: HintStore
  readonly #peers: Peers
  readonly #nodeClock: NodeClock
  readonly #reachable: (peer: string) => boolean
  readonly #route: (owner: string, bucket: string, key: string) => HintRoute
  readonly #self: string
  readonly #applyHere: AskHandler<'apply'>
  readonly #lanes = new Map<string, Lane>()
  readonly #watchers = new Set<() => void>()
  #timer: Timer | undefined

  constructor(
    ports: { clock: Clock; timers: Timers; log: Log; metrics: Metrics },
    parts: {
      hints: HintStore
      peers: Peers
      nodeClock: NodeClock
      reach: PeerReach
      route: (owner: string, bucket: string, key: string) => HintRoute
      self: string
      /** Handles an `apply` of this node to itself: it keeps a hint for a key that it owns by now. */
      applyHere: AskHandler<'apply'>
    },
  ) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#hints = parts.hints
    this.#peers = parts.peers
    this.#nodeClock = parts.nodeClock
    this.#reachable = parts.reach.isReachable
    this.#route = parts.route
    this.#self = parts.self
    this.#applyHere = parts.applyHere
    this.#hints.gone.listen(() => {
      for (const check of this.#watchers) check()
    })
    parts.reach.returned.listen(() => this.wake())
  }

  start(): void {
    this.#timer = this.#timers.every(LOOK_INTERVAL_MS, () => this.wake())
  }

  stop(): void {
    this.#timer?.cancel()
    for (const check of this.#watchers) check()
  }

  /** Starts deliveries to all owners in reach. */
  wake(): void {
    for (const owner of this.#hints.owners().keys()) this.#fill(owner)
  }

  /** Resolves once all hints that are pending now are gone, or after `timeoutMs`. */
  sync(timeoutMs: number): Promise<HintSync> {
    const pending = [...this.#hints.owners()].map(([owner, { sizes }]) => ({
      owner,
      keys: new Set(sizes.keys()),
    }))
    const remaining = (): Record<string, number> => {
      const left: Record<string, number> = {}
      for (const { owner, keys } of pending) {
        const sizes = this.#hints.owners().get(owner)?.sizes
        for (const key of keys) if (sizes?.has(key) !== true) keys.delete(key)
        if (keys.size > 0) left[owner] = keys.size
      }
      return left
    }
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel()
        this.#watchers.delete(check)
        const left = remaining()
        resolve({ synced: Object.keys(left).length === 0, remaining: left })
      }
      const check = (): void => {
        if (pending.every(({ owner, keys }) => this.#allGone(owner, keys))) finish()
      }
      const timer = this.#timers.after(timeoutMs, finish)
      this.#watchers.add(check)
      for (const lane of this.#lanes.values()) lane.pausedUntilMs = 0
      this.wake()
      check()
    })
  }

  /** Whether none of the hints is left. Removes gone hints from `keys`, and stops at the first one left to be cheap. */
  #allGone(owner: string, keys: Set<string>): boolean {
    const sizes = this.#hints.owners().get(owner)?.sizes
    for (const key of keys) {
      if (sizes?.has(key) === true) return false
      keys.delete(key)
    }
    return true
  }

  #fill(owner: string): void {
    const hints = this.#hints.owners().get(owner)
    if (hints === undefined || hints.sizes.size === 0) return
    const lane = this.#laneOf(owner)
    if (this.#clock.monotonicMs() < lane.pausedUntilMs) return
    for (const storageKey of hints.sizes.keys()) {
      if (lane.underWay.size >= lane.window) return
      if (lane.underWay.has(storageKey)) continue
      const { bucket, key } = parseHintKey(storageKey) as HintName
      const { to, need } = this.#route(owner, bucket, key)
      if (to.filter((node) => this.#reachable(node)).length < need) {
        // The next hints mostly have the same route, and there may be many. So stop here.
        if (to.length === 1) return
        continue
      }
      lane.underWay.add(storageKey)
      this.#hints.load(storageKey, (copy, failure) => {
        if (copy === undefined) this.#leave(owner, lane, storageKey, failure)
        else this.#deliver(owner, lane, storageKey, copy)
      })
    }
  }

  /** Drops a damaged hint, because it can never be delivered. Keeps a hint that cannot be read now for a later try. */
  #leave(owner: string, lane: Lane, storageKey: string, failure: unknown): void {
    if (failure instanceof RecordCorruptError) {
      this.#log.error({ owner }, 'a damaged hint was dropped')
      this.#hints.drop(owner, storageKey, (failed) => {
        lane.underWay.delete(storageKey)
        if (failed) this.#pause(lane)
      })
      return
    }
    lane.underWay.delete(storageKey)
    this.#pause(lane)
    this.#hints.postpone(owner, storageKey)
  }

  #deliver(owner: string, lane: Lane, storageKey: string, copy: Copy): void {
    const name = parseHintKey(storageKey) as HintName
    if (copy.record.length === 0) {
      // The hint is not durable yet, or it is gone already.
      lane.underWay.delete(storageKey)
      this.#hints.recount(owner, storageKey)
      return
    }
    const startMs = this.#clock.monotonicMs()
    const { bucket, key } = name
    const { to, need } = this.#route(owner, bucket, key)
    const next = (): void => {
      lane.underWay.delete(storageKey)
      this.#fill(owner)
    }
    this.#send({ to, need }, name, copy, (reply) => {
      this.#adjustWindow(owner, lane, reply, this.#clock.monotonicMs() - startMs)
      if (reply.type !== 'ok') {
        this.#hints.postpone(owner, storageKey)
        next()
        return
      }
      this.#metrics.count('hints_delivered_total', { peer: owner })
      this.#hints.remove(owner, storageKey, copy, (failed) => {
        // A full disk cannot remove hints. Without a pause, the same hints would be delivered over and over.
        if (failed) this.#pause(lane)
        next()
      })
    })
  }

  /** Sends the hint to all nodes of its route. Calls back once `need` nodes have stored it, or after the last reply. */
  #send(
    { to, need }: HintRoute,
    { bucket, key }: HintName,
    copy: Copy,
    done: (reply: Reply<unknown>) => void,
  ): void {
    const deadlineMs = this.#nodeClock.nowMs() + DELIVERY_TIMEOUT_MS
    const request = { bucket, key, record: copy.record, flags: APPLY_IS_REPAIR }
    let stored = 0
    let open = to.length
    let isOver = false
    for (const node of to) {
      this.#ask(node, request, deadlineMs, (reply) => {
        assert(open > 0, 'each node answers a hint once')
        open--
        if (reply.type === 'ok') stored++
        if (isOver || (stored < need && open > 0)) return
        isOver = true
        // The last reply may be good although too few nodes have stored the hint.
        done(stored < need && reply.type === 'ok' ? { type: 'lost', reason: 'deadline' } : reply)
      })
    }
  }

  #ask(
    node: string,
    request: ApplyRequest,
    deadlineMs: number,
    done: (reply: Reply<unknown>) => void,
  ): void {
    if (node === this.#self) {
      this.#applyHere(request, {
        node,
        deadlineMs,
        answer: (answer) => done({ type: 'ok', answer }),
        refuse: (refusal) => done({ type: 'refused', ...refusal }),
      })
    } else this.#peers.ask(node, APPLY, request, deadlineMs, done)
  }

  #adjustWindow(owner: string, lane: Lane, reply: Reply<unknown>, latencyMs: number): void {
    if (reply.type === 'ok' && latencyMs <= TARGET_LATENCY_MS) {
      lane.window = Math.min(lane.window + 1, WINDOW_MAX)
      return
    }
    lane.window = Math.max(Math.floor(lane.window / 2), WINDOW_MIN)
    if (reply.type !== 'ok') this.#pause(lane)
    if (!this.#reachable(owner)) lane.window = WINDOW_START
  }

  #pause(lane: Lane): void {
    lane.pausedUntilMs = this.#clock.monotonicMs() + LOOK_INTERVAL_MS
  }

  #laneOf(owner: string): Lane {
    const known = this.#lanes.get(owner)
    if (known !== undefined) return known
    const lane: Lane = { window: WINDOW_START, underWay: new Set(), pausedUntilMs: 0 }
    this.#lanes.set(owner, lane)
    return lane
  }
}
