/**
 * Decides what a starting node must learn before it answers. It asks its peers whether they have heard from this node
 * later than its directory knows. If so, the directory is new or an old copy. Then this node's copies of a data
 * partition are not read until all its other owners' copies have been taken over. (All, because any owner may hold the
 * only other copy of an acknowledged write.) Meanwhile it stores new writes, which are not affected.
 *
 * A node answers its peers once a majority of the members has answered it. For its own clients it waits a moment longer
 * for the other members: a read without a link to an owner asks the fallbacks, and a fallback without a hint would call
 * the key absent. On the small side of a cut, a node whose directory was proven before starts after a few seconds all
 * the same. It then counts in no quorum until a majority has answered. It shows its copies only to peers that have
 * answered, because its directory may be an old one. A new directory waits without a limit: an earlier life may have
 * made promises that this one does not know.
 *
 * The wait also protects against the directory of a removed node: any member in reach refuses its links and shows it
 * the newer topology (removal.ts) long before the wait is over. If no member is in reach, the node cannot tell a
 * removal from a cut, and in a cut `eventual` requests are answered. A removed node that had kept running would do the
 * same.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { fencesNeeded } from '../../core/membership/life-fence.ts'
import { Signal } from '../../core/signal.ts'
import type { Log } from '../../ports/log.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { DirectoryProof } from '../identity/directory-proof.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type HeardLives, latestOf } from '../wire/heard-lives.ts'
import type { Peers } from '../peers/peers.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { HELLO } from '../wire/asks/identity-asks.ts'

const WAIT_MS_MAX = 5000
/** Extra wait for the other members after a majority has answered: most links are open by then. */
const REMAINING_WAIT_MS = 1000
const ASK_TIMEOUT_MS = 2000
const RETRY_INTERVAL_MS = 500
/** Bounds of how long a peer's request waits for that peer's answer, and of how many requests wait. */
const WORD_WAIT_MS = 1000
const WAITING_MAX = 1024
const WAITING =
  'the data directory is new: waiting for a majority of the members to say whether there was one before'

export interface ArrivalParts {
  readonly self: string
  readonly members: () => readonly string[]
  /** False once this node has been removed; it then waits for nothing. */
  readonly isMember: () => boolean
  /** Whether nobody waits for that member's copies, because its disk is lost for good (lost-members.ts). */
  readonly isLost: (node: string) => boolean
  readonly peers: Peers
  readonly clock: NodeClock
  readonly proof: DirectoryProof
  /** Records that the votes up to that time are lost (topology-acceptor.ts). */
  readonly lose: (heardUntil: Timestamp) => Promise<void>
}

export class Arrival {
  readonly #parts: ArrivalParts
  readonly #timers: Timers
  readonly #log: Log
  /** Peers whose copies have been taken over in this life: all that they hold of what this node keeps. */
  readonly #takenOver = new Set<string>()
  /** Requests of peers that wait until those peers have answered. */
  readonly #waiting = new Set<{ readonly peer: string; readonly proceed: () => void }>()
  #isOpen = false
  #isAsking = false
  /** Runs from the moment a majority has answered until all members have. */
  #remainingMembersTimer: Timer | undefined
  #proceed: (() => void) | undefined
  #isStopped = false
  /** The copies have to be refilled. Emitted once. */
  readonly behind = new Signal()
  /**
   * A peer has answered about earlier lives, or was taken over, while the copies are being refilled. The clock is beyond
   * all those lives by then.
   */
  readonly heardBehind = new Signal()

  constructor(ports: { timers: Timers; log: Log }, parts: ArrivalParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  /** Resolves once this node may serve. Call after the network has started. */
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
      this.#proceedIfHeard()
    })
    this.#isOpen = true
    this.#callWaiting()
    if (this.isProven && !this.#isStopped) await this.#waitForRemainingMembers()
  }

  async #waitForRemainingMembers(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#proceed = resolve
      this.#remainingMembersTimer = this.#timers.after(REMAINING_WAIT_MS, resolve)
      this.#proceedIfHeard()
    })
    this.#remainingMembersTimer?.cancel()
  }

  stop(): void {
    this.#isStopped = true
    this.#remainingMembersTimer?.cancel()
    this.#waiting.clear()
    this.#proceed?.()
  }

  /**
   * Whether this node's copies of a key are complete enough to be read. While they are being refilled, `sourcesOf` names
   * the nodes from which they must have been taken over (core/placement/preference-list.ts).
   */
  mayRead(sourcesOf: () => readonly string[]): boolean {
    if (!this.#isOpen) return false
    const { self, proof, isLost } = this.#parts
    if (!proof.isBehind) return true
    // Removing a lost member waits for these copies, so they must not wait for it. They do not count as refilled by
    // that, because the removal may be cancelled.
    return sourcesOf().every((id) => id === self || this.#takenOver.has(id) || isLost(id))
  }

  /**
   * Whether a copy stored here may count. Another process of this node may be alive with the directory that this one
   * lacks, and it may count with each owner that has not given it up for this process. A peer that has answered this
   * process has given the other one up (life-fences.ts). If this directory is the newest, no other process exists.
   */
  mayCount(ownersOf: () => readonly (readonly string[])[]): boolean {
    const { self, proof, isLost } = this.#parts
    if (!proof.isBehind) return true
    return ownersOf().every((owners) => {
      if (!owners.includes(self)) return true
      const accepting = owners.filter((id) => id !== self && (proof.hasAnswered(id) || isLost(id)))
      return accepting.length >= fencesNeeded(owners.length)
    })
  }

  /** Whether a majority of the members has told what it knows of this node's earlier lives. */
  get isProven(): boolean {
    return this.#parts.proof.isProven(this.#parts.members().length)
  }

  /** Whether a peer may be shown this node's copies. A peer that has not answered may know that they are old. */
  mayTell(peer: string): boolean {
    return this.isProven && this.#parts.proof.hasAnswered(peer)
  }

  /**
   * Calls back once this node serves and the peer has answered, which takes a moment after a start. Calls back after a
   * second in any case, and at once if very many requests wait.
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
    return this.#isOpen && this.#parts.proof.hasAnswered(peer)
  }

  #callWaiting(): void {
    for (const { peer, proceed } of this.#waiting) if (this.#hasWordOf(peer)) proceed()
  }

  /** Whether this node's copies are being refilled. */
  get isFilling(): boolean {
    return this.#parts.proof.isBehind
  }

  tookOver(peer: string): void {
    if (this.#takenOver.has(peer)) return
    this.#takenOver.add(peer)
    if (this.#parts.proof.isBehind) this.heardBehind.emit()
    this.#lookWhetherFilled()
  }

  /**
   * The peer holds copies for this node that were not compared so far, because the owners have changed. So it has to be
   * taken over once more.
   */
  holdsMore(peer: string): void {
    this.#takenOver.delete(peer)
  }

  #lookWhetherFilled(): void {
    const { self, members, proof } = this.#parts
    if (!proof.isBehind) return
    if (members().some((id) => id !== self && !this.#takenOver.has(id))) return
    proof.filled()
    this.#log.info({}, 'all copies have been refilled from the other owners')
  }

  /** The members have changed: asks new members too, and stops waiting for removed ones. */
  look(): void {
    this.#proceedIfHeard()
    if (!this.#isOpen) return
    this.#lookWhetherFilled()
    if (!this.#isAsking) this.#askAll()
  }

  /** Asks each peer until it has answered once. A peer that connects later may know more. */
  #askAll(): void {
    this.#isAsking = false
    if (this.#isStopped) return
    const { self, members, peers, clock, proof } = this.#parts
    const unasked = members().filter((id) => id !== self && !proof.hasAnswered(id))
    for (const peer of unasked) {
      const deadlineMs = clock.nowMs() + ASK_TIMEOUT_MS
      peers.ask(peer, HELLO, NO_FIELDS, deadlineMs, (reply) => {
        if (reply.type === 'ok') this.#take(peer, reply.answer)
      })
    }
    if (unasked.length === 0) return
    this.#isAsking = true
    this.#timers.after(RETRY_INTERVAL_MS, () => this.#askAll())
  }

  #take(peer: string, lives: HeardLives): void {
    const { proof, clock, lose } = this.#parts
    const wasBehind = proof.isBehind
    // Never mint a timestamp of an earlier life again, whatever this machine's clock says.
    clock.observe(latestOf(lives))
    proof.heard(peer, lives, lose)
    if (proof.isBehind && !wasBehind) {
      this.#log.warn(
        { peer },
        'the data directory is not the newest of this node: its copies are being refilled',
      )
      this.behind.emit()
    }
    this.#lookWhetherFilled()
    if (proof.isBehind || wasBehind) this.heardBehind.emit()
    this.#proceedIfHeard()
    this.#callWaiting()
  }

  /** Ends the wait of `start` if the members that it waits for have answered. */
  #proceedIfHeard(): void {
    const { members, isMember, proof } = this.#parts
    const haveAllAnswered = proof.answers + 1 >= members().length
    if (!isMember() || (this.#isOpen ? haveAllAnswered : this.isProven)) this.#proceed?.()
  }
}
