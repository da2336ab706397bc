/**
 * One round of a write: one copy, sent to all owners of its key and to the nodes that stand in for owners out of reach,
 * and what each of them did with it.
 *
 * It settles once. *Met*: as many as it needs have the copy durably, this node among them where it is an owner. *Rejected*:
 * nobody has it, and nobody will. *Unknown*: neither is certain. Replies that come later count for one thing: an owner that
 * missed the copy is owed a hint, unless the round was rejected, for then nothing may be left of it.
 *
 * Pure: the driver asks, and tells here what came of each ask, in any order.
 */
import { assert } from '../assert.ts'
import type { Dot, Timestamp } from '../causality/dot.ts'
import { JointTally, type WriteAsk } from '../quorum/joint-tally.ts'
import type { OwnerGroups } from '../quorum/owner-groups.ts'
import type { ReplyKind } from '../quorum/tally.ts'

/** To whom a copy is sent. */
export interface WriteTargets {
  /** Whether this node keeps the copy, as an owner or as one to come. */
  readonly storesHere: boolean
  /** Owners, and those to come, other than this node that are thought to be in reach. */
  readonly owners: readonly string[]
  /** Owners out of reach with the node that keeps the copy for them; this node itself where no other is left. */
  readonly standIns: readonly StandIn[]
  /** Owners out of reach that nobody stands in for: they are owed a hint, which does not count. */
  readonly missed: readonly string[]
}

export interface StandIn {
  readonly owner: string
  readonly holder: string
}

export interface RoundPlan {
  readonly self: string
  /** The owners of the key, and, while it moves, those to come. */
  readonly groups: OwnerGroups
  /** Copies that are needed, of each group. */
  readonly need: number
  /** Whether the copies of stand-ins count. */
  readonly sloppy: boolean
  readonly targets: WriteTargets
  /** Owners whose copies are whole that have to tell what they held before; 0 where the write replaces nothing unseen. */
  readonly wholeNeed: number
  /** Whether this node has told all that it held before. */
  readonly isSelfWhole: boolean
}

/** What an owner told of what it held before the copy came. */
export interface Told {
  /** A live value. */
  readonly existed: boolean
  /** Siblings that the copy does not cover. */
  readonly uncovered: readonly Dot[]
  /** The highest timestamp beside those of the copy. */
  readonly newest: Timestamp
  /** Whether that is all that it ever held. */
  readonly isWhole: boolean
}

export type Settled = 'met' | 'rejected' | 'unknown'

export class WriteRound {
  readonly #plan: RoundPlan
  readonly #tally: JointTally
  /** Asks that have not ended. */
  #open: number
  #settled: Settled | undefined
  #isOver = false
  /** This node's own disk, where it is an owner: no write counts without it. */
  #own: 'none' | 'pending' | 'stored' | 'failed' = 'none'
  readonly #whole = new Set<string>()
  readonly #notWhole: string[] = []
  /** Owners that do not have the copy, and have not been named as owed a hint. */
  #missed: string[]
  #existed = false
  readonly #uncovered: Dot[] = []
  #newest: Timestamp = 0

  constructor(plan: RoundPlan) {
    const { self, groups, need, sloppy, targets } = plan
    assert(need >= 1, 'a round needs a copy')
    this.#plan = plan
    if (plan.isSelfWhole) this.#whole.add(self)
    const asked: WriteAsk[] = targets.owners.map(asOwner)
    for (const { holder, owner } of targets.standIns) asked.push({ node: holder, owner })
    if (targets.storesHere) {
      asked.push(asOwner(self))
      // Where it is only to become an owner, its copy is one of many.
      if (groups[0]?.includes(self) === true) this.#own = 'pending'
    }
    this.#open = asked.length
    this.#missed = [...targets.missed]
    this.#tally = new JointTally({ groups, need, asked, sloppy })
  }

  /** What came of one ask. `told` comes with the answer of an owner other than this node. */
  record(ask: WriteAsk, reply: ReplyKind, told?: Told): void {
    const { self } = this.#plan
    if (ask.node === self && ask.owner === self) {
      if (this.#own === 'pending') this.#own = reply === 'stored' ? 'stored' : 'failed'
    } else if (reply === 'refused' || reply === 'lost') {
      // A hint that this node itself could not keep is tried once only.
      if (ask.node !== self) this.#missed.push(ask.owner)
    }
    if (told !== undefined) this.#hear(ask.owner, told)
    this.#tally.record(ask, reply)
    assert(this.#open > 0, 'an ask ends once')
    this.#open--
    if (this.#settled === undefined) this.#judge()
  }

  /** The deadline has passed: settles with what is known. */
  expire(): void {
    this.#settled ??= this.#tally.outcome()
  }

  get settled(): Settled | undefined {
    return this.#settled
  }

  /** True once: when every ask has ended, and the round is settled, so that nothing of it goes on. */
  takeEnd(): boolean {
    if (this.#isOver || this.#open > 0 || this.#settled === undefined) return false
    this.#isOver = true
    return true
  }

  /** Owners that are owed a hint of the copy, each named once: none before the round is settled. */
  takeOwed(): readonly string[] {
    if (this.#settled === undefined || this.#missed.length === 0) return NOBODY
    const missed = this.#missed
    this.#missed = []
    return this.#settled === 'rejected' ? NOBODY : missed
  }

  /** Copies that count. */
  get got(): number {
    return this.#tally.got
  }

  get hinted(): number {
    return this.#tally.hinted
  }

  /** Whether an owner that has answered had a live value before. */
  get existed(): boolean {
    return this.#existed
  }

  /** Siblings that the copy did not cover, at the owners that have answered. */
  get uncovered(): readonly Dot[] {
    return this.#uncovered
  }

  /** The highest timestamp at the owners that have answered, beside those of the copy. */
  get newest(): Timestamp {
    return this.#newest
  }

  get plan(): RoundPlan {
    return this.#plan
  }

  /** Owners now in force that have told all that they held before. */
  get whole(): readonly string[] {
    return this.#plan.groups[0]?.filter((owner) => this.#whole.has(owner)) ?? NOBODY
  }

  /** Owners that hold the copy, and said that they may have lost what they held before. */
  get notWhole(): readonly string[] {
    return this.#notWhole
  }

  /**
   * Whether all that the round lacks is the word of owners whose copies are whole: it is stored at as many as it needs,
   * but may leave standing what it replaces.
   */
  get lacksWhole(): boolean {
    const { wholeNeed } = this.#plan
    if (wholeNeed === 0 || this.#tally.state() !== 'met') return false
    if (this.#own === 'pending' || this.#own === 'failed') return false
    // While the key moves, the present owners hold all that was ever acknowledged.
    return this.whole.length < wholeNeed
  }

  #hear(owner: string, { existed, uncovered, newest, isWhole }: Told): void {
    if (existed) this.#existed = true
    this.#uncovered.push(...uncovered)
    if (newest > this.#newest) this.#newest = newest
    if (isWhole) this.#whole.add(owner)
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
