/**
 * What has been proven of this data directory, across restarts: whether it is the newest that this node ever
 * had. A peer that has heard of this node, at a time when its directory was in another life's hands, disproves
 * it; one that has not proves it, as far as that peer is concerned.
 *
 * A peer is asked again at each start, because the directory may be an older copy of itself then. The time with
 * which its answer is compared is the clock's bound as the directory had it before: for a peer that has not
 * answered since, that of the earliest such start. (With the present bound, a node that lost its directory and
 * crashed before it was filled would take what it had by then for everything.) But the lives that this directory
 * has had since are its own: what the peer has heard of each is compared with the bound that the next one found.
 * (Otherwise n1, started twice in a moment, would take its directory for an old one: n2 had heard the first of
 * these lives, which ended before it had n2's answer.)
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { NodeState } from './node-state.ts'
import { hasUnlistedLives, type OwnLife, ownLivesIn } from './own-lives.ts'
import type { HeardLives } from './peer-lives.ts'

const PROVEN = -1

export class DirectoryProof {
  readonly #state: NodeState
  /** The present one last. */
  readonly #ownLives: readonly OwnLife[]
  /** Of peers that are not listed. */
  readonly #knownUntil: Timestamp
  /** Peer → what the directory knew of when it was last not proven; `PROVEN` where the peer has answered. */
  readonly #peers = new Map<string, Timestamp>()
  /** Peers that have ever answered, before this start. */
  readonly #answeredBefore: number
  #isBehind: boolean
  /** Resolves once the words heard up to now may be stored as heard; rejects where they may not in this life. */
  #followed: Promise<unknown> = Promise.resolve()
  /**
   * Told with each word of what this directory lacks, and the latest stamp of that; resolves once what follows from it
   * is durable. (The copies follow from `isBehind`, which is stored with the word.)
   */
  onLossHeard: (heardUntil: Timestamp) => Promise<void> = () => Promise.resolve()

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
   * To be made once this life has its identity (node-state.ts), and before the clock's bound is raised. `hasLostData`: it
   * is known that this directory took the place of another. Rejects with a `DiskError`.
   */
  static async load(state: NodeState, hasLostData: boolean): Promise<DirectoryProof> {
    const proof = new DirectoryProof(state, hasLostData)
    await proof.#save()
    return proof
  }

  /** Whether copies are missing that this node once had. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Whether it began empty, and too few of so many members have ever said that there was nothing before it. */
  isNew(members: number): boolean {
    return this.#knownUntil === 0 && this.#answeredBefore + 1 < majority(members)
  }

  /** Takes a peer's word: what it has heard of earlier lives of this node. */
  heard(peer: string, lives: HeardLives): void {
    const until = this.#peers.get(peer) ?? this.#knownUntil
    if (until === PROVEN) return
    const lacking = this.#lackingIn(lives, until)
    if (lacking > 0) {
      this.#isBehind = true
      this.#followed = Promise.all([this.#followed, this.onLossHeard(lacking)])
    }
    this.#peers.set(peer, PROVEN)
    this.#saveSoon()
  }

  /** Everything has been taken over from everybody. */
  filled(): void {
    this.#isBehind = false
    this.#saveSoon()
  }

  /** The latest stamp that this directory knows nothing of; 0 where there is none. */
  #lackingIn({ named, unnamed }: HeardLives, until: Timestamp): Timestamp {
    let lacking = unnamed > until ? unnamed : 0
    for (const [life, stamp] of named) {
      const i = this.#ownLives.findIndex(([its]) => its === life)
      // The present one has not ended, and whatever it says is here.
      const reached = i < 0 ? 0 : (this.#ownLives[i + 1]?.[1] ?? Infinity)
      if (stamp > Math.max(until, reached)) lacking = Math.max(lacking, stamp)
    }
    return lacking
  }

  /** What is lost with a crash is found again: the peer is asked anew, the copies are compared anew. */
  #saveSoon(): void {
    const followed = this.#followed
    // What was heard since has a save of its own, after what follows from that.
    followed
      .then(() => (followed === this.#followed ? this.#save() : undefined))
      .catch(() => undefined)
  }

  #save(): Promise<void> {
    return this.#state.set('proof', [this.#isBehind, this.#knownUntil, ...[...this.#peers].flat()])
  }
}
