/**
 * One round of a write: it sends one copy to all owners of the key, and to the nodes that stand in for owners out of
 * reach. This class counts the replies and decides when the round is settled.
 *
 * A round settles once:
 * - *met*: the needed number of nodes hold the copy durably. If this node is an owner, it is one of them.
 * - *rejected*: no node has the copy, and none will have it.
 * - *unknown*: neither is certain.
 *
 * Later replies have one effect: an owner that missed the copy is owed a hint. After a rejected round no hint is owed,
 * because no trace of the write may remain.
 *
 * This class is pure: its driver sends the requests, and records the replies here in any order.
 */
import { assert } from '../assert.ts'
import type { Dot, Timestamp } from '../causality/dot.ts'
import { JointTally, type WriteAsk } from '../quorum/joint-tally.ts'
import type { OwnerGroups } from '../quorum/owner-groups.ts'
import type { ReplyKind } from '../quorum/tally.ts'

/** The nodes that a copy is sent to. Owners include the future owners while the key moves. */
export interface WriteTargets {
  /** Whether this node stores the copy as an owner. */
  readonly storesHere: boolean
  /** Owners, other than this node, that are believed to be in reach. */
  readonly owners: readonly string[]
  /** Owners out of reach, each with the node that keeps the copy for it. That node may be this one. */
  readonly standIns: readonly StandIn[]
  /** Owners out of reach without a stand-in. They are owed a hint, which does not count. */
  readonly missed: readonly string[]
}

export interface StandIn {
  readonly owner: string
  readonly holder: string
}

export interface RoundPlan {
  readonly self: string
  /** The owners of the key; while it moves, the future owners are a second group. */
  readonly groups: OwnerGroups
  /** Number of copies needed in each group. */
  readonly need: number
  /** Whether the copies of stand-ins count. */
  readonly sloppy: boolean
  readonly targets: WriteTargets
  /**
   * Number of owners with complete ("whole") copies that must report what they held before; 0 if the write need not
   * replace anything unseen.
   */
  readonly wholeNeed: number
  /** Whether this node is an owner with complete copies. */
  readonly isSelfWhole: boolean
}

/** An owner's report of what it held before the copy arrived. */
export interface HeldBefore {
  /** Whether it held a live value. */
  readonly existed: boolean
  /** Siblings that the copy does not cover, in mode siblings and if the coordinator asked for them. */
  readonly uncovered: readonly Dot[]
  /** In mode lww: the copy has lost at the owner if its timestamp is below this one. */
  readonly newest: Timestamp
  /** Whether the owner still holds everything that it ever acknowledged. */
  readonly isWhole: boolean
}

export type Settled = 'met' | 'rejected' | 'unknown'

export class WriteRound {
  readonly #plan: RoundPlan
  readonly #tally: JointTally
  /** Number of requests that have not ended. */
  #open: number
  #settled: Settled | undefined
  #isOver = false
  /** The state of this node's own disk, if this node is an owner: then no round is met without it. */
  #own: 'none' | 'pending' | 'stored' | 'failed' = 'none'
  readonly #whole: string[] = []
  readonly #notWhole: string[] = []
  /** Owners that missed the copy, and that `takeOwed` has not returned yet. */
  #missed: string[]
  #existed = false
  readonly #uncovered: Dot[] = []
  #newest: Timestamp = 0

  constructor(plan: RoundPlan) {
    const { self, groups, need, sloppy, targets } = plan
    assert(need >= 1, 'a round needs a copy')
    this.#plan = plan
    if (plan.isSelfWhole) this.#whole.push(self)
    const asked: WriteAsk[] = targets.owners.map(asOwner)
    for (const { holder, owner } of targets.standIns) asked.push({ node: holder, owner })
    if (targets.storesHere) {
      asked.push(asOwner(self))
      // A node that is only a future owner does not have to store the copy for the round to be met.
      if (groups[0]?.includes(self) === true) this.#own = 'pending'
    }
    this.#open = asked.length
    this.#missed = [...targets.missed]
    this.#tally = new JointTally({ groups, need, asked, sloppy })
  }

  /** Records the end of one request. `heldBefore`: the report of an owner, if it is not this node. */
  record(ask: WriteAsk, reply: ReplyKind, heldBefore?: HeldBefore): void {
    const { self } = this.#plan
    if (ask.node === self && ask.owner === self) {
      if (this.#own === 'pending') this.#own = reply === 'stored' ? 'stored' : 'failed'
    } else if (reply === 'refused' || reply === 'lost') {
      // If this node itself could not keep a hint, it does not try again.
      if (ask.node !== self) this.#missed.push(ask.owner)
    }
    if (heldBefore !== undefined) this.#learn(ask.owner, heldBefore)
    this.#tally.record(ask, reply)
    assert(this.#open > 0, 'an ask ends once')
    this.#open--
    if (this.#settled === undefined) this.#judge()
  }

  /** The deadline has passed: settles the round with the replies so far. */
  expire(): void {
    this.#settled ??= this.#tally.outcome()
  }

  get settled(): Settled | undefined {
    return this.#settled
  }

  /** Returns true once: when the round is settled and every request has ended. */
  takeEnd(): boolean {
    if (this.#isOver || this.#open > 0 || this.#settled === undefined) return false
    this.#isOver = true
    return true
  }

  /** Returns the owners that are owed a hint of the copy, each once. Returns none before the round is settled. */
  takeOwed(): readonly string[] {
    if (this.#settled === undefined || this.#missed.length === 0) return NOBODY
    const missed = this.#missed
    this.#missed = []
    return this.#settled === 'rejected' ? NOBODY : missed
  }

  /** Number of copies that count. */
  get got(): number {
    return this.#tally.got
  }

  get hinted(): number {
    return this.#tally.hinted
  }

  /** Whether an owner that has answered held a live value before. */
  get existed(): boolean {
    return this.#existed
  }

  /** Siblings that the copy did not cover, at the owners that have answered. */
  get uncovered(): readonly Dot[] {
    return this.#uncovered
  }

  /** In mode lww: the copy has lost at an owner that has answered if its timestamp is below this one. */
  get newest(): Timestamp {
    return this.#newest
  }

  get plan(): RoundPlan {
    return this.#plan
  }

  /** The present owners (not future ones) that have complete copies, and have reported what they held before. */
  get whole(): readonly string[] {
    return this.#plan.groups[0]?.filter((owner) => this.#whole.includes(owner)) ?? NOBODY
  }

  /** Owners that stored the copy, but reported that they may have lost earlier data. */
  get notWhole(): readonly string[] {
    return this.#notWhole
  }

  /**
   * Whether the round lacks only reports of owners with complete copies. The copy is then stored at the needed number of
   * nodes, but a value that it should replace may remain.
   */
  get lacksWhole(): boolean {
    const { wholeNeed } = this.#plan
    if (wholeNeed === 0 || this.#tally.state() !== 'met') return false
    if (this.#own === 'pending' || this.#own === 'failed') return false
    // Only the present owners count, because they hold everything that was acknowledged before the key began to move.
    return this.whole.length < wholeNeed
  }

  #learn(owner: string, { existed, uncovered, newest, isWhole }: HeldBefore): void {
    if (existed) this.#existed = true
    this.#uncovered.push(...uncovered)
    if (newest > this.#newest) this.#newest = newest
    if (isWhole) this.#whole.push(owner)
    else this.#notWhole.push(owner)
  }

  #judge(): void {
    const state = this.#tally.state()
    if (state === 'unmet' || this.#own === 'failed') this.#settled = this.#tally.outcome()
    else if (state === 'met' && this.#own !== 'pending') {
      if (!this.lacksWhole) this.#settled = 'met'
      else if (this.#open === 0) this.#settled = 'unknown'
    }
  }
}

const NOBODY: readonly string[] = []

export function asOwner(node: string): WriteAsk {
  return { node, owner: node }
}
