/**
 * Runs the failure detector (core/membership) over the network, and tells coordinators which nodes are worth asking.
 *
 * Its answers are guesses. They decide which nodes are asked, and which requests are refused before anything is applied.
 * No count of copies reads them.
 */
import { Membership } from '../../core/membership/membership.ts'
import type { MembershipAction, MembershipMessage } from '../../core/membership/message.ts'
import type { MemberState } from '../../core/membership/update.ts'
import { Signal } from '../../core/signal.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Network } from '../../ports/network.ts'
import type { Random } from '../../ports/random.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { Peers } from './peers.ts'
import { SWIM } from '../wire/asks/liveness-asks.ts'

const TICK_INTERVAL_MS = 100
/** A peer that leaves a request unanswered for this long is probed at once. */
const PATIENCE_MS = 300
/** How long a node that stops waits for the others to have heard it. */
const FAREWELL_MS_MAX = 500

export class Liveness {
  readonly #self: string
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #random: Random
  readonly #network: Network
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #peers: Peers
  readonly #membership: Membership
  #members: readonly string[]
  #timer: Timer | undefined
  /** Called when a peer may have acked that this node stops. */
  #farewell = (): void => undefined
  /** A peer may be reachable again. */
  readonly returned = new Signal<[peer: string]>()

  constructor(
    ports: {
      clock: Clock
      timers: Timers
      random: Random
      network: Network
      log: Log
      metrics: Metrics
    },
    parts: { self: string; members: readonly string[]; incarnation: number; peers: Peers },
  ) {
    this.#self = parts.self
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#random = ports.random
    this.#network = ports.network
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#peers = parts.peers
    this.#members = parts.members
    this.#membership = new Membership({ ...parts, nowMs: this.#nowMs() })
    this.#peers.heard.listen((peer, channel) => {
      const membership = this.#membership
      const nowMs = this.#nowMs()
      this.#send(
        channel === 'answer' ? membership.answered(peer, nowMs) : membership.heard(peer, nowMs),
      )
    })
    this.#peers.askLost.listen((peer) => this.#send(this.#membership.lost(peer, this.#nowMs())))
    this.#peers.linkChanged.listen((peer, isOpen) => {
      const nowMs = this.#nowMs()
      this.#send(isOpen ? this.#membership.linked(peer, nowMs) : this.#membership.lost(peer, nowMs))
      if (isOpen) this.returned.emit(peer)
      else this.#farewell()
    })
  }

  start(): void {
    this.#timer = this.#timers.every(TICK_INTERVAL_MS, () => this.#tick())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  setMembers(members: readonly string[]): void {
    this.#members = members
    this.#membership.setMembers(members)
  }

  /** Handles a gossip message of a peer. */
  receive(from: string, message: MembershipMessage): void {
    this.#send(this.#membership.receive(from, message, this.#nowMs()))
    this.#farewell()
  }

  /**
   * Tells the peers that this node stops. Resolves when every linked one has heard it, so that its last asks are here,
   * or after FAREWELL_MS_MAX. A peer of an older version goes on asking.
   */
  leave(): Promise<void> {
    this.#send(this.#membership.leave(this.#nowMs()))
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#farewell = () => undefined
        resolve()
      }
      const timer = this.#timers.after(FAREWELL_MS_MAX, end)
      this.#farewell = () => {
        const isAwaited = (id: string): boolean =>
          this.#network.isOpen(id) && this.#membership.awaitsFarewell(id)
        if (!this.#members.some(isAwaited)) end()
      }
      this.#farewell()
    })
  }

  /** Whether a strict level should ask the node. It needs the node's answer, and gains nothing by giving up early. */
  reachable(node: string): boolean {
    if (node === this.#self) return true
    return this.#network.isOpen(node) && this.#membership.direct(node) !== 'down'
  }

  /** Whether the node is expected to answer soon. Sloppy levels use this, because other nodes can stand in for it. */
  responsive(node: string): boolean {
    if (node === this.#self) return true
    return this.#network.isOpen(node) && this.#membership.direct(node) === 'up'
  }

  /** The state of the node according to the gossip of all members. */
  state(node: string): MemberState {
    return this.#membership.state(node)
  }

  /** The state of the node according to this node's own messages with it. */
  direct(node: string): MemberState {
    if (node === this.#self) return 'up'
    return this.#network.isOpen(node) ? this.#membership.direct(node) : 'down'
  }

  /** Milliseconds since the last frame of the node; null before the first. */
  lastHeardMsAgo(node: string): number | null {
    const heardMs = this.#membership.lastHeardMs(node)
    return heardMs === undefined ? null : Math.max(0, Math.round(this.#nowMs() - heardMs))
  }

  #tick(): void {
    const nowMs = this.#nowMs()
    for (const peer of this.#peers.overdue(PATIENCE_MS)) {
      if ((this.lastHeardMsAgo(peer) ?? 0) > PATIENCE_MS)
        this.#send(this.#membership.lost(peer, nowMs))
    }
    this.#send(this.#membership.tick(nowMs, (bound) => this.#random.below(bound)))
    for (const change of this.#membership.drainChanges()) {
      this.#log.info({ ...change }, 'a member changed its state')
      if (change.to === 'up') this.returned.emit(change.id)
    }
    for (const member of this.#members) {
      if (member === this.#self) continue
      this.#metrics.gauge('peer_up', this.direct(member) === 'up' ? 1 : 0, { peer: member })
    }
  }

  #send(actions: readonly MembershipAction[]): void {
    for (const { to, message } of actions) {
      this.#peers.tell(to, SWIM, { message })
    }
  }

  #nowMs(): number {
    return this.#clock.monotonicMs()
  }
}
