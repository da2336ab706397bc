/**
 * Decides which members this node considers up, suspect or down: SWIM (Das, Gupta and Motivala 2002) with suspicion,
 * and with Lifeguard's view of its own health. The result is a hint, never a truth: it chooses which members to ask
 * first, and no safety rule reads it. Pure: time and randomness are arguments, messages are returned as actions.
 *
 * How a failure is found. In each interval a node pings two members in random round-robin order. If a member does not
 * ack in time, two relays ping it on request. If no relay passes on an ack, and nothing else was heard from the member
 * meanwhile, it is *suspect*, and gossip on pings and acks spreads that. A live suspect hears of it and refutes with a
 * higher incarnation. Otherwise it is *down* when the suspicion runs out. Members that are not up are pinged in every
 * interval, and each ping carries the claim against its target. So one round trip brings a member back.
 *
 * There are two separate views.
 * - `state(id)`: is the member alive? A contact of any node counts, so a member behind one broken link stays up.
 * - `direct(id)`: do *this node's* requests reach it and come back? Only acks and other answers to this node count.
 *
 * A member that stops says farewell: it claims that it is down itself. Nobody asks it any more, but it answers what it
 * was asked before. Messages of one node keep their order, so after an ack of its farewell no ask of that node follows.
 *
 * Differences from the papers. Members that were never heard are down until heard, because a start must not wait for
 * dead peers. `down` can be refuted, because gossip does not remove members. The suspicion timeout is fixed and does
 * not shrink with confirmations: a false suspicion costs little here, and the time to *down* should not depend on how
 * many nodes are on this side of a cut. A member that is heard is never called down.
 *
 * Load for each node and interval, whatever the number of members: at most `probesPerInterval` probes of 1 +
 * `indirectProbes` messages, `rechecksPerInterval` pings, and as many acks and relayed pings on average.
 */
import { Health } from './health.ts'
import { MemberTable, type MembershipChange } from './member-table.ts'
import type { MembershipAction, MembershipMessage } from './message.ts'
import { countNack, directState, heardSince, markAnswered, type Peer } from './peer.ts'
import { ProbeOrder, relayOrder, shuffled, type RandomBelow } from './probe-order.ts'
import { RelayTable } from './relay-table.ts'
import {
  MEMBERSHIP_SETTINGS,
  suspicionTimeoutMs,
  type MembershipSettings,
} from './membership-settings.ts'
import type { MembershipUpdate, MemberState } from './update.ts'

export interface MembershipOptions {
  readonly self: string
  /** All members. This node may be left out. */
  readonly members: readonly string[]
  /** Higher at each start of this node; below 2 ** 52. */
  readonly incarnation: number
  /** Monotonic, like all `nowMs` here. */
  readonly nowMs: number
  readonly settings?: MembershipSettings
}

/** Members pinged at once at the start; the rounds find the others. */
const START_PINGS_MAX = 32
/** Minimum time between two pings that tell a member the claim against it, or that ask it for direct evidence. */
const PING_SPACING_MS = 100

export class Membership {
  readonly #settings: MembershipSettings
  readonly #table: MemberTable
  readonly #health: Health
  readonly #order = new ProbeOrder()
  readonly #recheckOrder = new ProbeOrder()
  readonly #relays = new RelayTable()
  #lastSeq = 0
  #nowMs: number
  #lastTickMs: number
  #nextRoundMs: number
  #started = false

  constructor(options: MembershipOptions) {
    const { self, members, incarnation, nowMs, settings = MEMBERSHIP_SETTINGS } = options
    this.#settings = settings
    this.#table = new MemberTable(self, incarnation, settings)
    this.#health = new Health(settings.healthScoreMax)
    this.#nowMs = nowMs
    this.#lastTickMs = nowMs
    this.#nextRoundMs = nowMs + settings.probeIntervalMs
    this.setMembers(members)
  }

  /** Keeps what is known of members that stay. New ones are down until heard. */
  setMembers(ids: readonly string[]): void {
    const others = this.#table.setMembers(ids)
    this.#order.reset(others)
    this.#recheckOrder.reset(others)
  }

  /** Call about every 100 ms. Deadlines are noticed only here. */
  tick(nowMs: number, random: RandomBelow): MembershipAction[] {
    if (nowMs - this.#lastTickMs > this.#settings.lateTickMs) this.#forgive(nowMs)
    this.#lastTickMs = nowMs
    this.#advance(nowMs)
    const actions: MembershipAction[] = []
    for (const peer of this.#table.peers()) {
      this.#checkProbe(peer, random, actions)
      this.#checkSuspicion(peer)
    }
    for (const { requester, requesterSeq } of this.#relays.due(nowMs, this.#settings.nackAfterMs)) {
      this.#send(actions, requester, ['nack', requesterSeq, this.#table.updatesFor(requester)])
    }
    if (!this.#started) {
      this.#started = true
      for (const peer of shuffled([...this.#table.peers()], random).slice(0, START_PINGS_MAX)) {
        this.#ping(peer, actions)
      }
    }
    if (nowMs >= this.#nextRoundMs) {
      const next = this.#nextRoundMs + this.#settings.probeIntervalMs
      this.#nextRoundMs = next > nowMs ? next : nowMs + this.#settings.probeIntervalMs
      this.#startRound(random, actions)
    }
    return actions
  }

  /** Takes a parsed message of `from`. Messages of strangers are ignored. */
  receive(from: string, message: MembershipMessage, nowMs: number): MembershipAction[] {
    this.#advance(nowMs)
    const peer = this.#table.find(from)
    if (peer === undefined) return []
    peer.lastHeardMs = this.#nowMs
    const [kind, seq, updates] = message
    const target = kind === 'pingRequest' ? message[3] : undefined
    const actions: MembershipAction[] = []
    // The target has to refute the requester's claim against it; this node does not believe the claim.
    for (const update of updates) if (update[0] !== target) this.#table.apply(update, this.#nowMs)
    this.#table.noteFarewell(peer, updates[0])
    switch (kind) {
      case 'ping':
        this.#send(actions, from, ['ack', seq, this.#table.updatesFor(from)])
        return actions
      case 'pingRequest':
        this.#relay(from, seq, message[3], updates, actions)
        break
      case 'ack':
        this.#acknowledged(peer, seq, actions)
        break
      case 'nack':
        markAnswered(peer)
        countNack(this.#table.probed(seq))
        break
      default:
        kind satisfies never
    }
    this.#tell(peer, actions)
    return actions
  }

  /**
   * A frame of the peer arrived, so it is alive. If it is not considered up, it is told at once so that it can refute.
   */
  heard(from: string, nowMs: number): MembershipAction[] {
    this.#advance(nowMs)
    const peer = this.#table.find(from)
    if (peer === undefined) return []
    peer.lastHeardMs = this.#nowMs
    const actions: MembershipAction[] = []
    this.#tell(peer, actions)
    return actions
  }

  /** As `heard`; and the frame answered a request of this node, so the peer is directly in reach. */
  answered(from: string, nowMs: number): MembershipAction[] {
    const peer = this.#table.find(from)
    if (peer !== undefined) {
      markAnswered(peer)
      peer.probe = undefined
    }
    return this.heard(from, nowMs)
  }

  /**
   * The peer did not answer a request in time, or the link to it closed. This starts a probe at once. By itself it
   * tells only about direct reach, not about liveness.
   */
  lost(peerId: string, nowMs: number): MembershipAction[] {
    this.#advance(nowMs)
    const peer = this.#table.find(peerId)
    const actions: MembershipAction[] = []
    if (peer === undefined) return actions
    peer.failingSinceMs ??= this.#nowMs
    const spaced = this.#nowMs - peer.lastPingMs >= PING_SPACING_MS
    if (peer.state === 'up' && peer.probe === undefined && spaced) this.#startProbe(peer, actions)
    return actions
  }

  /** The link to the peer opened. If the peer is not up, or not in reach, ping it before the next round. */
  linked(peerId: string, nowMs: number): MembershipAction[] {
    this.#advance(nowMs)
    const peer = this.#table.find(peerId)
    const actions: MembershipAction[] = []
    if (peer !== undefined && this.#needsRecheck(peer)) this.#ping(peer, actions)
    return actions
  }

  /** This node stops. The result tells the other members. */
  leave(nowMs: number): MembershipAction[] {
    this.#advance(nowMs)
    this.#table.leave()
    const actions: MembershipAction[] = []
    for (const peer of this.#table.peers()) peer.farewellSeq = this.#ping(peer, actions)
    return actions
  }

  /** Whether the member has not acked yet that this node stops. */
  awaitsFarewell(id: string): boolean {
    return this.#table.find(id)?.farewellSeq !== undefined
  }

  /** Whether the member is alive, as far as any node told. `up` for this node, `down` for strangers. */
  state(id: string): MemberState {
    if (id === this.#table.self) return 'up'
    return this.#table.find(id)?.state ?? 'down'
  }

  /**
   * Whether the member answers this node's requests. It is `down` after the length of a suspicion without an answer.
   */
  direct(id: string): MemberState {
    if (id === this.#table.self) return 'up'
    const peer = this.#table.find(id)
    return peer === undefined ? 'down' : directState(peer, this.#nowMs, this.#suspicionMs())
  }

  /** When a frame of the member last arrived; undefined before the first. */
  lastHeardMs(id: string): number | undefined {
    return id === this.#table.self ? this.#nowMs : this.#table.find(id)?.lastHeardMs
  }

  /** This node's incarnation. It rises with each refutation. */
  get incarnation(): number {
    return this.#table.incarnation
  }

  /** 0 when this node is healthy; see health.ts. */
  get healthScore(): number {
    return this.#health.score
  }

  /** The changes of `state` since the last call, oldest first, at most CHANGES_MAX. */
  drainChanges(): MembershipChange[] {
    return this.#table.drainChanges()
  }

  /** This node stood still, so missing messages tell nothing about the others. */
  #forgive(nowMs: number): void {
    this.#health.worst()
    for (const peer of this.#table.peers()) {
      peer.probe = undefined
      if (peer.state === 'suspect') peer.suspectSinceMs = nowMs
      if (peer.failingSinceMs !== undefined && this.direct(peer.id) === 'suspect') {
        peer.failingSinceMs = nowMs
      }
    }
    this.#nextRoundMs = nowMs
  }

  #checkProbe(peer: Peer, random: RandomBelow, actions: MembershipAction[]): void {
    const probe = peer.probe
    if (probe === undefined || this.#nowMs < probe.deadlineMs) return
    if (probe.phase === 'direct') {
      peer.failingSinceMs ??= this.#nowMs
      const relays = this.#chooseRelays(peer.id, random)
      for (const relay of relays) {
        const updates = this.#table.updatesFor(relay, peer.id)
        this.#send(actions, relay, ['pingRequest', probe.seq, updates, peer.id])
      }
      probe.phase = 'indirect'
      probe.relays = relays.length
      probe.deadlineMs = this.#nowMs + this.#settings.indirectTimeoutMs * this.#health.factor
      if (relays.length > 0) return
    }
    peer.probe = undefined
    // If the member is down anyway, a failed probe tells nothing about this node's health.
    if (peer.state !== 'down' && (probe.relays === 0 || probe.nacks < probe.relays)) {
      this.#health.worse()
    }
    if (peer.state === 'up' && !heardSince(peer, probe.startedMs)) {
      this.#table.claim(peer, 'suspect', this.#nowMs, 'probe')
    }
  }

  #checkSuspicion(peer: Peer): void {
    if (peer.state !== 'suspect') return
    const suspicionMs = this.#suspicionMs()
    if (this.#nowMs - peer.suspectSinceMs < suspicionMs) return
    // The suspect is heard but has not refuted: perhaps it does not hear this node. It stays suspect as long as it is
    // heard.
    if (heardSince(peer, this.#nowMs - suspicionMs)) return
    this.#table.claim(peer, 'down', this.#nowMs, 'suspicion')
  }

  #startRound(random: RandomBelow, actions: MembershipAction[]): void {
    const count = this.#table.size
    const pinged = new Set<string>()
    for (let i = 0; i < Math.min(count, this.#settings.probesPerInterval); i += 1) {
      const peer = this.#table.get(this.#order.next(random) as string)
      if (peer.probe !== undefined || pinged.has(peer.id)) continue
      this.#startProbe(peer, actions)
      pinged.add(peer.id)
    }
    let rechecks = 0
    for (let i = 0; i < count && rechecks < this.#settings.rechecksPerInterval; i += 1) {
      const peer = this.#table.get(this.#recheckOrder.next(random) as string)
      if (!this.#needsRecheck(peer) || pinged.has(peer.id)) continue
      pinged.add(peer.id)
      this.#ping(peer, actions)
      rechecks += 1
    }
  }

  #needsRecheck(peer: Peer): boolean {
    return peer.state !== 'up' || this.direct(peer.id) !== 'up'
  }

  #startProbe(peer: Peer, actions: MembershipAction[]): void {
    const seq = this.#ping(peer, actions)
    peer.probe = {
      seq,
      startedMs: this.#nowMs,
      phase: 'direct',
      deadlineMs: this.#nowMs + this.#settings.directTimeoutMs * this.#health.factor,
      relays: 0,
      nacks: 0,
    }
  }

  #chooseRelays(target: string, random: RandomBelow): string[] {
    const up = [...this.#table.peers()].filter((p) => p.state === 'up' && p.id !== target)
    const isInReach = ({ id }: Peer): boolean => this.direct(id) === 'up'
    return relayOrder(up, isInReach, random).slice(0, this.#settings.indirectProbes)
  }

  #relay(
    requester: string,
    requesterSeq: number,
    targetId: string,
    updates: readonly MembershipUpdate[],
    actions: MembershipAction[],
  ): void {
    if (this.#table.find(targetId) === undefined) return
    const seq = this.#nextSeq()
    const relay = { requester, requesterSeq, target: targetId, startedMs: this.#nowMs }
    if (!this.#relays.add(seq, relay)) return
    const held = updates.filter(([id]) => id === targetId).slice(0, 1)
    this.#send(actions, targetId, ['ping', seq, [...this.#table.updatesFor(targetId), ...held]])
  }

  #acknowledged(peer: Peer, seq: number, actions: MembershipAction[]): void {
    markAnswered(peer)
    if (seq >= (peer.farewellSeq ?? Infinity)) peer.farewellSeq = undefined
    this.#concludeProbe(peer)
    const relay = this.#relays.take(seq, peer.id)
    if (relay !== undefined) {
      const updates = this.#table.updatesFor(relay.requester, relay.target)
      this.#send(actions, relay.requester, ['ack', relay.requesterSeq, updates])
      return
    }
    const probed = this.#table.probed(seq)
    if (probed !== undefined) this.#concludeProbe(probed)
  }

  /** The peer answered. Only an answer within the unstretched timeout shows that no stretching is needed. */
  #concludeProbe(peer: Peer): void {
    if (peer.probe === undefined) return
    const tookMs = this.#nowMs - peer.probe.startedMs
    peer.probe = undefined
    if (tookMs <= this.#settings.directTimeoutMs) this.#health.better()
  }

  /** Pings a member that was just heard but is not up, so that it learns which claim to refute. */
  #tell(peer: Peer, actions: MembershipAction[]): void {
    if (peer.state === 'up') return
    if (this.#nowMs - peer.lastPingMs < PING_SPACING_MS) return
    this.#ping(peer, actions)
  }

  #ping(peer: Peer, actions: MembershipAction[]): number {
    const seq = this.#nextSeq()
    peer.lastPingMs = this.#nowMs
    this.#send(actions, peer.id, ['ping', seq, this.#table.updatesFor(peer.id)])
    return seq
  }

  #send(actions: MembershipAction[], to: string, message: MembershipMessage): void {
    if (this.#table.find(to) !== undefined) actions.push({ type: 'send', to, message })
  }

  #suspicionMs(): number {
    return suspicionTimeoutMs(this.#settings, this.#table.size + 1)
  }

  #nextSeq(): number {
    this.#lastSeq += 1
    return this.#lastSeq
  }

  /** Time is monotonic here: a late call with an older reading does not turn it back. */
  #advance(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
  }
}
