/**
 * What has been proven of this data directory, across restarts: whether it is the newest that this node ever
 * had. A peer that has heard of this node, at a time when its directory was in another life's hands, disproves
 * it; one that has not proves it, as far as that peer is concerned.
 *
 * A peer is asked again at each start, because the directory may be an older copy of itself then. The time
 * with which its answer is compared is the clock's bound as the directory had it before: for a peer that has
 * not answered since, that of the earliest such start. (With the present bound, a node that lost its directory
 * and crashed before it was filled would take what it had by then for everything.)
 */
import type { Timestamp } from '../core/causality/dot.ts'
import { majority } from '../core/quorum/level.ts'
import type { Encodable } from '../ports/codec.ts'
import type { NodeState } from './node-state.ts'

const PROVEN = -1

export class DirectoryProof {
  readonly #state: NodeState
  /** Of peers that are not listed. */
  readonly #knownUntil: Timestamp
  /** Peer → what the directory knew of when it was last not proven; `PROVEN` where the peer has answered. */
  readonly #peers = new Map<string, Timestamp>()
  /** Peers that had answered before this start. */
  readonly #answeredBefore: number
  #isBehind: boolean

  private constructor(state: NodeState, hasLostData: boolean) {
    const bound = (state.get('clock') as Timestamp | undefined) ?? 0
    const saved = state.get('proof') as readonly Encodable[] | undefined
    const [isBehind = false, knownUntil = bound, ...peers] = saved ?? []
    this.#state = state
    this.#isBehind = hasLostData || isBehind === true
    this.#knownUntil = knownUntil as Timestamp
    for (let i = 0; i + 1 < peers.length; i += 2) {
      const [peer, until] = peers.slice(i, i + 2) as [string, Timestamp]
      this.#peers.set(peer, until === PROVEN ? bound : until)
    }
    this.#answeredBefore = [...peers].filter((until) => until === PROVEN).length
  }

  /**
   * To be made before the clock's bound is raised. `hasLostData`: it is known that this directory took the
   * place of another. Rejects with a `DiskError`.
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

  /** Takes a peer's word: the latest that it has heard of earlier lives of this node. */
  heard(peer: string, until: Timestamp): void {
    if (until > this.#before(peer)) this.#isBehind = true
    this.#peers.set(peer, PROVEN)
    this.#saveSoon()
  }

  /** Everything has been taken over from everybody. */
  filled(): void {
    this.#isBehind = false
    this.#saveSoon()
  }

  #before(peer: string): Timestamp {
    const until = this.#peers.get(peer) ?? this.#knownUntil
    return until === PROVEN ? Infinity : until
  }

  /** What is lost with a crash is found again: the peer is asked anew, the copies are compared anew. */
  #saveSoon(): void {
    this.#save().catch(() => undefined)
  }

  #save(): Promise<void> {
    return this.#state.set('proof', [this.#isBehind, this.#knownUntil, ...[...this.#peers].flat()])
  }
}
