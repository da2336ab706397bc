/**
 * The current claim about each member, the spreading of claims, and this node's own incarnation. It decides which
 * claims win and what each message says; membership.ts decides when to make a claim.
 *
 * Invariant: the held incarnation of a member never falls, and this node's is above every claim against it.
 */
import { assert } from '../assert.ts'
import { Gossip } from './gossip.ts'
import { unknownPeer, type Peer } from './peer.ts'
import { retransmitLimit, type MembershipSettings } from './membership-settings.ts'
import {
  INCARNATION_MAX,
  INCARNATION_UNKNOWN,
  supersedes,
  type MembershipUpdate,
  type MemberState,
} from './update.ts'

export interface MembershipChange {
  readonly id: string
  readonly from: MemberState
  readonly to: MemberState
  readonly incarnation: number
  readonly atMs: number
  /** The source: this node's own probe, its own suspicion running out, or an update. */
  readonly cause: 'probe' | 'suspicion' | 'update'
}

/** Undrained changes beyond this are dropped, oldest first. */
const CHANGES_MAX = 256

export class MemberTable {
  readonly self: string
  readonly #settings: MembershipSettings
  readonly #peers = new Map<string, Peer>()
  readonly #gossip = new Gossip()
  #changes: MembershipChange[] = []
  #incarnation: number
  #isLeaving = false

  constructor(self: string, incarnation: number, settings: MembershipSettings) {
    assert(
      Number.isSafeInteger(incarnation) && incarnation >= 0 && incarnation < INCARNATION_MAX,
      `incarnation ${incarnation} is in range`,
    )
    this.self = self
    this.#incarnation = incarnation
    this.#settings = settings
  }

  get incarnation(): number {
    return this.#incarnation
  }

  /** The number of other members. */
  get size(): number {
    return this.#peers.size
  }

  /** The other members, in the order in which they were added. */
  peers(): Iterable<Peer> {
    return this.#peers.values()
  }

  find(id: string): Peer | undefined {
    return this.#peers.get(id)
  }

  get(id: string): Peer {
    const peer = this.#peers.get(id)
    assert(peer !== undefined, `${id} is a member`)
    return peer
  }

  /** The member with the probe of that number. */
  probed(seq: number): Peer | undefined {
    for (const peer of this.#peers.values()) if (peer.probe?.seq === seq) return peer
    return undefined
  }

  /** Keeps what is known of members that stay. Returns the ids of all members except this node. */
  setMembers(ids: readonly string[]): readonly string[] {
    const others = [...new Set(ids)].filter((id) => id !== this.self).sort()
    for (const id of this.#peers.keys()) {
      if (others.includes(id)) continue
      this.#peers.delete(id)
      this.#gossip.forget(id)
    }
    for (const id of others) if (!this.#peers.has(id)) this.#peers.set(id, unknownPeer(id))
    return others
  }

  /** From now on this node says that it is down, and refutes no claim against it. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Applies a claim that another node sent, if it wins. Refutes a claim against this node. */
  apply(update: MembershipUpdate, nowMs: number): void {
    const [id, incarnation, state] = update
    if (id === this.self) {
      if (state === 'up' || incarnation < this.#incarnation || this.#isLeaving) return
      this.#incarnation = incarnation + 1
      this.#gossip.spread([id, this.#incarnation, 'up'])
      return
    }
    const peer = this.#peers.get(id)
    if (peer === undefined || !supersedes(update, peer)) return
    this.#change(peer, incarnation, state, nowMs, 'update')
  }

  /** `own`: what the peer says of itself. Only a member that stops says that it is down, and no later life of it. */
  noteFarewell(peer: Peer, own: MembershipUpdate | undefined): void {
    if (own?.[0] !== peer.id || own[2] !== 'down' || own[1] !== peer.incarnation) return
    peer.isLeaving = true
  }

  /** Makes this node's own claim, at the incarnation that it knows. */
  claim(peer: Peer, state: 'suspect' | 'down', nowMs: number, cause: 'probe' | 'suspicion'): void {
    assert(peer.incarnation !== INCARNATION_UNKNOWN, `${peer.id} was heard of before it is accused`)
    this.#change(peer, peer.incarnation, state, nowMs, cause)
  }

  /** The updates for a message to `to`: about this node, about `to` and `also` if they matter to it, then gossip. */
  updatesFor(to: string, also?: string): MembershipUpdate[] {
    const own = this.#isLeaving ? 'down' : 'up'
    const updates: MembershipUpdate[] = [[this.self, this.#incarnation, own]]
    const recipient = this.#peers.get(to)
    if (recipient !== undefined && recipient.state !== 'up') pushKnown(updates, recipient)
    const third = also === undefined ? undefined : this.#peers.get(also)
    if (third !== undefined) pushKnown(updates, third)
    const sentMax = retransmitLimit(this.#settings, this.#peers.size + 1)
    const except = [this.self, to, also ?? to]
    updates.push(...this.#gossip.take(this.#settings.updatesPerMessageMax, sentMax, except))
    return updates
  }

  drainChanges(): MembershipChange[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  #change(
    peer: Peer,
    incarnation: number,
    state: MemberState,
    nowMs: number,
    cause: MembershipChange['cause'],
  ): void {
    const { id, state: from } = peer
    peer.incarnation = incarnation
    peer.state = state
    if (state === 'up') peer.isLeaving = false
    if (state === 'suspect' && from !== 'suspect') peer.suspectSinceMs = nowMs
    this.#gossip.spread([id, incarnation, state])
    if (from === state) return
    this.#changes.push({ id, from, to: state, incarnation, atMs: nowMs, cause })
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift()
  }
}

function pushKnown(updates: MembershipUpdate[], { id, incarnation, state }: Peer): void {
  if (incarnation !== INCARNATION_UNKNOWN) updates.push([id, incarnation, state])
}
