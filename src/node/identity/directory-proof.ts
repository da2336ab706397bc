/**
 * Decides, across restarts, whether this data directory is the newest one that this node ever had. It may be an old
 * copy, or an empty one in place of a lost one.
 *
 * At each start the node asks its peers which stamps they have heard of its earlier lives. If a peer has heard a stamp
 * that this directory cannot know, the directory is *behind*: it lacks data. Otherwise that peer has confirmed it. The
 * directory is *proven* once a majority of the members, with this node, has answered.
 *
 * The stamp is compared with the clock's bound that the directory held before the start. If the peer has not answered
 * for several starts, the bound before the earliest of them counts. With the present bound, a node that lost its
 * directory and crashed before it was filled would take its partial data for complete.
 *
 * The lives that this directory has listed as its own are an exception. Their stamps are compared with the bound that
 * the next life found. Otherwise a node that restarts twice in a moment would take its directory for an old one: a peer
 * has heard the first of these lives, but that life ended before the peer's answer arrived.
 *
 * A member that joins during this life has heard of no earlier one, so it counts like one that has answered. Otherwise a
 * node that joins and never comes could leave too few voters to undo its own join. This needs that this life has voted
 * for the join: an old directory may know only some of the members, and then take the others for new ones.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { NodeState } from './node-state.ts'
import { hasUnlistedLives, type OwnLife, ownLivesIn } from './own-lives.ts'
import type { HeardLives } from '../wire/heard-lives.ts'

const PROVEN = -1

export class DirectoryProof {
  readonly #state: NodeState
  /** The lives of this directory; the current one is the last. */
  readonly #ownLives: readonly OwnLife[]
  /** The bound to compare with for peers that are not in `#peers`. */
  readonly #knownUntil: Timestamp
  /** Peer → the bound to compare its answer with; `PROVEN` once the peer has answered in this life. */
  readonly #peers = new Map<string, Timestamp>()
  #answers = 0
  /** Peers that have joined during this life and have not answered yet. */
  readonly #joined = new Set<string>()
  /** Number of peers that had answered before this start. */
  readonly #answeredBefore: number
  #isBehind: boolean
  /** Resolves once the answers so far may be stored; rejects if they must not be stored in this life. */
  #followed: Promise<unknown> = Promise.resolve()

  private constructor(state: NodeState, hasLostData: boolean) {
    const bound = (state.get('clock') as Timestamp | undefined) ?? 0
    const saved = state.get('proof') as readonly Encodable[] | undefined
    const [isBehind = false, knownUntil = bound, ...peers] = saved ?? []
    this.#state = state
    assert(!hasUnlistedLives(state), 'a life is listed before its proof is made')
    this.#ownLives = ownLivesIn(state)
    this.#isBehind = hasLostData || isBehind === true
    this.#knownUntil = knownUntil as Timestamp
    for (let i = 0; i + 1 < peers.length; i += 2) {
      const [peer, until] = peers.slice(i, i + 2) as [string, Timestamp]
      this.#peers.set(peer, until === PROVEN ? bound : until)
    }
    this.#answeredBefore = this.#peers.size
  }

  /**
   * Call this after this life has taken its identity (node-identity.ts), and before the clock's bound is raised.
   * `hasLostData`: this directory is known to lack data that the node once had. Rejects with a `DiskError`.
   */
  static async load(state: NodeState, hasLostData: boolean): Promise<DirectoryProof> {
    const proof = new DirectoryProof(state, hasLostData)
    await proof.#save()
    return proof
  }

  /** Whether this directory lacks copies that this node once had. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /**
   * Whether the directory began empty, and no majority of the members has confirmed yet that no data came before it.
   */
  isNew(members: number): boolean {
    return this.#knownUntil === 0 && this.#answeredBefore + 1 < majority(members)
  }

  /** Whether the peer has told, in this life, what it knows of this node's earlier lives. */
  hasAnswered(peer: string): boolean {
    return this.#peers.get(peer) === PROVEN
  }

  /** Number of peers that have answered in this life. */
  get answers(): number {
    return this.#answers
  }

  /** Whether a majority of the members has told what it knows of this node's earlier lives, or has joined since. */
  isProven(members: number): boolean {
    return this.#answers + this.#joined.size + 1 >= majority(members)
  }

  /** Call this when the peer joins by a document for which this life has voted. */
  joined(peer: string): void {
    if (this.#peers.get(peer) === PROVEN) return
    this.#joined.add(peer)
    // Listed, so that a later life does not take its directory for a new one.
    if (!this.#peers.has(peer)) this.#peers.set(peer, this.#knownUntil)
    this.#saveSoon()
  }

  /**
   * Takes a peer's answer: the stamps that it has heard of this node's earlier lives. Calls `lose` if the answer shows
   * a loss, with the latest lost stamp. `lose` resolves once the consequences for the node's votes are durable. The
   * consequence for its copies is `isBehind`, which is stored together with the answer.
   */
  heard(peer: string, lives: HeardLives, lose: (heardUntil: Timestamp) => Promise<void>): void {
    const until = this.#peers.get(peer) ?? this.#knownUntil
    if (until === PROVEN) return
    this.#peers.set(peer, PROVEN)
    this.#joined.delete(peer)
    this.#answers++
    const lacking = this.#lackingIn(lives, until)
    if (lacking > 0) {
      this.#isBehind = true
      this.#followed = Promise.all([this.#followed, lose(lacking)])
    }
    this.#saveSoon()
  }

  /** Call this once the node has copied everything that the other owners hold. */
  filled(): void {
    this.#isBehind = false
    this.#saveSoon()
  }

  /** The latest stamp that this directory cannot know; 0 if there is none. */
  #lackingIn({ named, unnamed }: HeardLives, until: Timestamp): Timestamp {
    let lacking = unnamed > until ? unnamed : 0
    for (const [life, stamp] of named) {
      const i = this.#ownLives.findIndex(([its]) => its === life)
      // The current life has not ended, so this directory knows all of its stamps.
      const reached = i < 0 ? 0 : (this.#ownLives[i + 1]?.[1] ?? Infinity)
      if (stamp > Math.max(until, reached)) lacking = Math.max(lacking, stamp)
    }
    return lacking
  }

  /** A crash before the save does no harm: the next life asks the peer again, and compares the copies again. */
  #saveSoon(): void {
    const followed = this.#followed
    // Skip this save if a newer answer has arrived: that answer has its own save, after its own consequences.
    followed
      .then(() => (followed === this.#followed ? this.#save() : undefined))
      .catch(() => undefined)
  }

  #save(): Promise<void> {
    return this.#state.set('proof', [this.#isBehind, this.#knownUntil, ...[...this.#peers].flat()])
  }
}
