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
 * (Otherwise all nodes of a cluster that is started twice in a moment would be told of a loss: they had heard each
 * other, and stopped before they had said so.)
 */
import type { Timestamp } from '../core/causality/dot.ts'
import { majority } from '../core/quorum/level.ts'
import type { Encodable } from '../ports/codec.ts'
import type { NodeState } from './node-state.ts'
import { type HeardLives, latestOf } from './peer-lives.ts'

const PROVEN = -1
/** Lives that the directory remembers as its own; an older one counts as a stranger's. */
const OWN_LIVES_MAX = 32

export class DirectoryProof {
  readonly #state: NodeState
  /** The lives of this directory, the present one last → the clock's bound that it found. */
  readonly #ownLives: ReadonlyMap<number, Timestamp>
  /** Of peers that are not listed. */
  readonly #knownUntil: Timestamp
  /** Peer → what the directory knew of when it was last not proven; `PROVEN` where the peer has answered. */
  readonly #peers = new Map<string, Timestamp>()
  /** Peers that had answered before this start. */
  readonly #answeredBefore: number
  #isBehind: boolean
  /** Resolves once a word may be stored as heard. */
  #followed: Promise<unknown> = Promise.resolve()
  /**
   * Told of each word of what this directory lacks, with the latest stamp in it; resolves once what follows from it
   * is durable.
   */
  onLacking: (heardUntil: Timestamp) => Promise<void> = () => Promise.resolve()

  private constructor(state: NodeState, life: number, hasLostData: boolean) {
    const bound = (state.get('clock') as Timestamp | undefined) ?? 0
    const saved = state.get('proof') as readonly Encodable[] | undefined
    const [isBehind = false, knownUntil = bound, ...peers] = saved ?? []
    this.#state = state
    const lives =
      (state.get('lives') as readonly (readonly [number, Timestamp])[] | undefined) ?? []
    this.#ownLives = new Map([...lives, [life, bound] as const].slice(-OWN_LIVES_MAX))
    this.#isBehind = hasLostData || isBehind === true
    this.#knownUntil = knownUntil as Timestamp
    for (let i = 0; i + 1 < peers.length; i += 2) {
      const [peer, until] = peers.slice(i, i + 2) as [string, Timestamp]
      this.#peers.set(peer, until === PROVEN ? bound : until)
    }
    this.#answeredBefore = [...peers].filter((until) => until === PROVEN).length
  }

  /**
   * To be made before the clock's bound is raised, and before a message says the number of this `life`.
   * `hasLostData`: it is known that this directory took the place of another. Rejects with a `DiskError`.
   */
  static async load(state: NodeState, life: number, hasLostData: boolean): Promise<DirectoryProof> {
    const proof = new DirectoryProof(state, life, hasLostData)
    const lives = [...proof.#ownLives].map((its) => [...its])
    await Promise.all([state.set('lives', lives), proof.#save()])
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
    const { named, unnamed } = lives
    const until = this.#peers.get(peer) ?? this.#knownUntil
    // By now it may have heard of this very life.
    if (until === PROVEN) return
    const reached = this.#reachedByOwnLives()
    const isMore = ([life, stamp]: readonly [number, Timestamp]): boolean =>
      stamp > Math.max(until, reached.get(life) ?? 0)
    if (unnamed > until || [...named].some(isMore)) {
      this.#isBehind = true
      this.#followed = Promise.all([this.#followed, this.onLacking(latestOf(lives))])
    }
    this.#peers.set(peer, PROVEN)
    this.#saveSoon()
  }

  /** Everything has been taken over from everybody. */
  filled(): void {
    this.#isBehind = false
    this.#saveSoon()
  }

  /** What each can have said to anybody, if all that it did is in this directory. */
  #reachedByOwnLives(): ReadonlyMap<number, Timestamp> {
    const bounds = [...this.#ownLives.values(), Infinity]
    return new Map([...this.#ownLives.keys()].map((life, i) => [life, bounds[i + 1] as Timestamp]))
  }

  /** What is lost with a crash is found again: the peer is asked anew, the copies are compared anew. */
  #saveSoon(): void {
    this.#followed.then(() => this.#save()).catch(() => undefined)
  }

  #save(): Promise<void> {
    return this.#state.set('proof', [this.#isBehind, this.#knownUntil, ...[...this.#peers].flat()])
  }
}
