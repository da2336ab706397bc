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
import { assert } from '../core/assert.ts'
import type { Timestamp } from '../core/causality/dot.ts'
import { majority } from '../core/quorum/level.ts'
import type { Encodable } from '../ports/codec.ts'
import type { NodeState } from './node-state.ts'
import { type HeardLives, NAMED_LIVES_MAX } from './peer-lives.ts'

const PROVEN = -1

/** A life that had this directory, with the clock's bound that it found there. */
type OwnLife = readonly [life: number, bound: Timestamp, incarnation: number]

export class DirectoryProof {
  readonly #state: NodeState
  /** As many as peers tell by name, the present one last; an older one counts as a stranger's. */
  readonly #ownLives: readonly OwnLife[]
  /** Of peers that are not listed. */
  readonly #knownUntil: Timestamp
  /** Peer → what the directory knew of when it was last not proven; `PROVEN` where the peer has answered. */
  readonly #peers = new Map<string, Timestamp>()
  /** Peers that have ever answered, before this start. */
  readonly #answeredBefore: number
  #isBehind: boolean
  /** Resolves once a word may be stored as heard; rejects where it may not in this life. */
  #followed: Promise<unknown> = Promise.resolve()
  /**
   * Told with each word of what this directory lacks, and the latest stamp of that; resolves once what follows from it
   * is durable. (The copies follow from `isBehind`, which is stored with the word.)
   */
  onLossHeard: (heardUntil: Timestamp) => Promise<void> = () => Promise.resolve()

  private constructor(state: NodeState, life: number, hasLostData: boolean) {
    const bound = (state.get('clock') as Timestamp | undefined) ?? 0
    const saved = state.get('proof') as readonly Encodable[] | undefined
    const [isBehind = false, knownUntil = bound, ...peers] = saved ?? []
    this.#state = state
    const incarnation = state.get('incarnation')
    assert(typeof incarnation === 'number', 'a life has its incarnation before its proof')
    const present: OwnLife = [life, bound, incarnation]
    // A number that is drawn again is the newer life's.
    const earlier = ownLivesIn(state).filter(([its]) => its !== life)
    this.#ownLives = [...earlier, present].slice(-NAMED_LIVES_MAX)
    this.#isBehind = hasLostData || isBehind === true
    this.#knownUntil = knownUntil as Timestamp
    for (let i = 0; i + 1 < peers.length; i += 2) {
      const [peer, until] = peers.slice(i, i + 2) as [string, Timestamp]
      this.#peers.set(peer, until === PROVEN ? bound : until)
    }
    this.#answeredBefore = this.#peers.size
  }

  /**
   * To be made once this life's incarnation is taken, before the clock's bound is raised and a message says its number.
   * `hasLostData`: it is known that this directory took the place of another. Rejects with a `DiskError`.
   */
  static async load(state: NodeState, life: number, hasLostData: boolean): Promise<DirectoryProof> {
    const proof = new DirectoryProof(state, life, hasLostData)
    const lives = proof.#ownLives.map((its) => [...its])
    await Promise.all([state.set('own-lives', lives), proof.#save()])
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
    this.#followed.then(() => this.#save()).catch(() => undefined)
  }

  #save(): Promise<void> {
    return this.#state.set('proof', [this.#isBehind, this.#knownUntil, ...[...this.#peers].flat()])
  }
}

/**
 * A version that keeps no list may have had this directory since the last life that is listed: then no bound in it is
 * what the next life found. To be asked before this life takes an incarnation.
 */
export function hasUnlistedLives(state: NodeState): boolean {
  const [, , incarnation] = ownLivesIn(state).at(-1) ?? []
  return incarnation !== state.get('incarnation')
}

function ownLivesIn(state: NodeState): readonly OwnLife[] {
  return (state.get('own-lives') as readonly OwnLife[] | undefined) ?? []
}
