/**
 * What a node does before it answers: it asks its peers whether they have heard of it before, further than its
 * directory knows. If so, the directory is new, or an old copy: then this node's copies of a data partition
 * are not read before all its other owners' copies have been taken over. (All, because any of them may be the
 * only other one that a majority had counted.) Writes are taken meanwhile: what is stored now is not lost.
 *
 * It waits for a majority of the members; then it answers its peers. For its own clients it waits a moment more, for
 * the other members: a read that finds no link to an owner asks the fallbacks, and these would call a key absent that
 * they never stood in for. On the small side of a cut a node whose directory has been proven before starts after a few
 * seconds all the same; but it counts in no quorum until a majority has answered, and tells its copies to nobody who
 * has not: its directory may be an old one. A new directory waits as long as it takes: an earlier life may have
 * promised what this one does not know.
 *
 * The wait also protects against a directory of a node that has been removed: any member in reach refuses its links and
 * shows it the newer topology (removal.ts) long before the wait is over. With no member in reach, a removal cannot be told
 * from a cut, and in a cut `eventual` answers: a node that had been running would do the same.
 */
import { fencesNeeded } from '../../core/membership/life-fence.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Log } from '../../ports/log.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { DirectoryProof } from '../identity/directory-proof.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type HeardLives, latestOf, parseLives } from '../identity/peer-lives.ts'
import type { Peers } from '../peers/peers.ts'

const WAIT_MS_MAX = 5000
/** How long the node waits for the other members once a majority has answered: most links are open by then. */
const REMAINING_WAIT_MS = 1000
const ASK_TIMEOUT_MS = 2000
const RETRY_INTERVAL_MS = 500
/** How long an ask of a peer waits for its word, and how many asks do. */
const WORD_WAIT_MS = 1000
const WAITING_MAX = 1024
const WAITING =
  'the data directory is new: waiting for a majority of the members to say whether there was one before'

export interface ArrivalParts {
  readonly self: string
  readonly members: () => readonly string[]
  /** False once this node has been removed: then it has nothing to wait for. */
  readonly isMember: () => boolean
  /** Whether a member's disk is gone for good, and nobody waits for it: it is being removed. */
  readonly isLost: (node: string) => boolean
  readonly peers: Peers
  readonly clock: NodeClock
  readonly proof: DirectoryProof
}

export class Arrival {
  readonly #parts: ArrivalParts
  readonly #timers: Timers
  readonly #log: Log
  /** Peers that have said what they know. */
  readonly #answered = new Set<string>()
  /** Peers whose copies have been taken over in this life. */
  readonly #takenOver = new Set<string>()
  /** Asks of peers that wait for their word. */
  readonly #waiting = new Set<{ readonly peer: string; readonly proceed: () => void }>()
  #isOpen = false
  #isAsking = false
  /** Runs from when a majority has answered until all members have. */
  #remainingMembersTimer: Timer | undefined
  #proceed: (() => void) | undefined
  #isStopped = false
  /** Told once, when it turns out that the copies have to be filled. */
  onBehind: () => void = () => undefined
  /** Told after each word about earlier lives, and each peer taken over, while they are: the clock is beyond all that by then. */
  onHeardBehind: () => void = () => undefined

  constructor(ports: { timers: Timers; log: Log }, parts: ArrivalParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  /** Resolves once this node may serve. The network has been started. */
  async start(): Promise<void> {
    const { members, proof } = this.#parts
    await new Promise<void>((resolve) => {
      this.#proceed = resolve
      this.#timers.after(WAIT_MS_MAX, () => {
        if (this.#isOpen) return
        if (proof.isNew(members().length)) this.#log.warn({}, WAITING)
        else resolve()
      })
      this.#askAll()
      this.#check()
    })
    this.#isOpen = true
    this.#callWaiting()
    if (this.isProven && !this.#isStopped) await this.#waitForRemainingMembers()
  }

  async #waitForRemainingMembers(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#proceed = resolve
      this.#remainingMembersTimer = this.#timers.after(REMAINING_WAIT_MS, resolve)
      this.#check()
    })
    this.#remainingMembersTimer?.cancel()
  }

  stop(): void {
    this.#isStopped = true
    this.#remainingMembersTimer?.cancel()
    this.#waiting.clear()
    this.#proceed?.()
  }

  /** Whether this node's own copies are complete enough to be read. Whose they are is asked only while they are filled. */
  mayRead(ownersOf: () => readonly string[]): boolean {
    if (!this.#isOpen) return false
    const { self, proof, isLost } = this.#parts
    if (!proof.isBehind) return true
    // Its removal waits for these copies, and would for ever if they waited for it. It is not filled for that: the
    // removal may be cancelled.
    return ownersOf().every((id) => id === self || this.#takenOver.has(id) || isLost(id))
  }

  /**
   * Whether what is stored here may count as this node's copy. Another process of this node may be alive, with the
   * directory that this one lacks, and may count with each owner that has not given it up for this process. A peer
   * that answers this process has given the other one up (life-fences.ts). If this directory is the newest, there is no
   * other process.
   */
  mayCount(ownersOf: () => readonly (readonly string[])[]): boolean {
    const { self, proof, isLost } = this.#parts
    if (!proof.isBehind) return true
    return ownersOf().every((owners) => {
      if (!owners.includes(self)) return true
      const accepting = owners.filter((id) => id !== self && (this.#answered.has(id) || isLost(id)))
      return accepting.length >= fencesNeeded(owners.length)
    })
  }

  /** Whether a majority of the members has told what it knows of earlier lives. */
  get isProven(): boolean {
    return this.#answered.size + 1 >= majority(this.#parts.members().length)
  }

  /** Whether a peer may be told what this node holds: not one that may know better than this directory. */
  mayTell(peer: string): boolean {
    return this.isProven && this.#answered.has(peer)
  }

  /**
   * Calls back once this node serves and that peer has said what it knows, as both come to pass in a moment after a
   * start; else after a second, or at once where very many wait.
   */
  whenTold(peer: string, done: () => void): void {
    if (this.#hasWordOf(peer) || this.#waiting.size >= WAITING_MAX) {
      done()
      return
    }
    const waiting = {
      peer,
      proceed: (): void => {
        timer.cancel()
        if (this.#waiting.delete(waiting)) done()
      },
    }
    const timer = this.#timers.after(WORD_WAIT_MS, waiting.proceed)
    this.#waiting.add(waiting)
  }

  #hasWordOf(peer: string): boolean {
    return this.#isOpen && this.#answered.has(peer)
  }

  #callWaiting(): void {
    for (const { peer, proceed } of this.#waiting) if (this.#hasWordOf(peer)) proceed()
  }

  /** Whether copies are being filled. */
  get isFilling(): boolean {
    return this.#parts.proof.isBehind
  }

  tookOver(peer: string): void {
    if (this.#takenOver.has(peer)) return
    this.#takenOver.add(peer)
    if (this.#parts.proof.isBehind) this.onHeardBehind()
    this.#lookWhetherFilled()
  }

  #lookWhetherFilled(): void {
    const { self, members, proof } = this.#parts
    if (!proof.isBehind) return
    if (members().some((id) => id !== self && !this.#takenOver.has(id))) return
    proof.filled()
    this.#log.info({}, 'all copies have been filled from the other owners')
  }

  /** The members have changed: who is new is asked too, who is gone is waited for no more. */
  look(): void {
    this.#check()
    if (!this.#isOpen) return
    this.#lookWhetherFilled()
    if (!this.#isAsking) this.#askAll()
  }

  /** Until each has answered once: a peer that comes later may know more. */
  #askAll(): void {
    this.#isAsking = false
    if (this.#isStopped) return
    const { self, members, peers, clock } = this.#parts
    const unasked = members().filter((id) => id !== self && !this.#answered.has(id))
    for (const peer of unasked) {
      const deadlineMs = clock.nowMs() + ASK_TIMEOUT_MS
      peers.ask(peer, 'hello', [], deadlineMs, (reply) => {
        const lives = reply.type === 'ok' ? parseLives(reply.body) : undefined
        if (lives !== undefined) this.#take(peer, lives)
      })
    }
    if (unasked.length === 0) return
    this.#isAsking = true
    this.#timers.after(RETRY_INTERVAL_MS, () => this.#askAll())
  }

  #take(peer: string, lives: HeardLives): void {
    this.#answered.add(peer)
    const { proof, clock } = this.#parts
    const wasBehind = proof.isBehind
    // What an earlier life minted is not minted again, whatever this machine's clock says.
    clock.observe(latestOf(lives))
    proof.heard(peer, lives)
    if (proof.isBehind && !wasBehind) {
      this.#log.warn({ peer }, 'the data directory is not the newest of this node: it is filled')
      this.onBehind()
    }
    this.#lookWhetherFilled()
    if (proof.isBehind || wasBehind) this.onHeardBehind()
    this.#check()
    this.#callWaiting()
  }

  #check(): void {
    const { members, isMember } = this.#parts
    const haveAllAnswered = this.#answered.size + 1 >= members().length
    if (!isMember() || (this.#isOpen ? haveAllAnswered : this.isProven)) this.#proceed?.()
  }
}
