/**
 * Decides the read of a strong key without a proposal. Every owner in reach tells which proposal it has accepted: the
 * nearest one sends its whole copy, the others only the ballot. The read agrees as soon as a majority reports the same
 * ballot; during a move, as soon as a majority of the owners and a majority of the next owners do.
 *
 * Why this is linearizable: if a majority has accepted one proposal, it is decided. A proposal that was decided before
 * the read began is at a majority too, so at least one owner that answered has it or a later one. Owners never go back.
 * Hence the value read is that one or a later one. One exception: repair may bring a proposal to an owner that has
 * promised a later one. Such a copy decided nothing, and does not count (it is contested).
 *
 * All answers must belong to one placement, so the caller compares the placement again at the end. Otherwise a proposal
 * could look decided because one old owner and one new owner have accepted it.
 *
 * This class is pure: each event returns the effects that the driver has to carry out, in order.
 */
import { type Ballot, compareBallots } from '../consensus/ballot.ts'
import { everyGroup, leastCount, type OwnerGroups } from '../quorum/owner-groups.ts'

/** What an owner has accepted. */
export interface Accepted<C> {
  readonly ballot: Ballot
  /** Whether the owner has promised nothing above that ballot. */
  readonly isUncontested: boolean
  /** Undefined if only the ballot was asked for. */
  readonly copy: C | undefined
}

export type AgreedReadEffect<C> =
  | { readonly type: 'ask'; readonly owner: string; readonly wantsCopy: boolean }
  /** Call `expire` after a short time, in which the remaining owners may still answer. */
  | { readonly type: 'be-patient' }
  | { readonly type: 'agreed'; readonly copy: C; readonly received: number }
  /** The owners do not agree. The read has to become a proposal. */
  | { readonly type: 'undecided' }

export class AgreedRead<C> {
  readonly #groups: OwnerGroups
  /** Needed in each group. */
  readonly #required: number
  /** The owners in reach, the nearest first. */
  readonly #near: readonly string[]
  readonly #told = new Map<string, Accepted<C>>()
  /** Number of asks that have not ended. */
  #open = 0
  /** Whether the remaining owners have their short time already. */
  #isLastWait = false
  #isOver = false

  constructor(groups: OwnerGroups, required: number, near: readonly string[]) {
    this.#groups = groups
    this.#required = required
    this.#near = near
  }

  start(): readonly AgreedReadEffect<C>[] {
    if (!everyGroup(this.#groups, this.#required, (owner) => this.#near.includes(owner))) {
      return this.#end()
    }
    this.#open = this.#near.length
    return this.#near.map((owner, i) => ({ type: 'ask', owner, wantsCopy: i === 0 }))
  }

  told(owner: string, accepted: Accepted<C>): readonly AgreedReadEffect<C>[] {
    this.#told.set(owner, accepted)
    return this.#ended()
  }

  /** An owner has not answered, or with nothing usable. */
  failed(): readonly AgreedReadEffect<C>[] {
    return this.#ended()
  }

  /** The deadline, or the short time for the remaining owners, has passed. */
  expire(): readonly AgreedReadEffect<C>[] {
    return this.#isOver ? [] : this.#end()
  }

  #ended(): readonly AgreedReadEffect<C>[] {
    this.#open--
    if (this.#isOver) return []
    const agreed = this.#agreed()
    if (agreed !== undefined) {
      this.#isOver = true
      return [agreed]
    }
    if (this.#open === 0) return this.#end()
    const isMajority = everyGroup(this.#groups, this.#required, (owner) => this.#told.has(owner))
    if (!isMajority || this.#isLastWait) return []
    this.#isLastWait = true
    return BE_PATIENT
  }

  #agreed(): AgreedReadEffect<C> | undefined {
    for (const { ballot, copy } of this.#told.values()) {
      if (copy === undefined) continue
      const received = leastCount(this.#groups, (owner) => {
        const other = this.#told.get(owner)
        return other?.isUncontested === true && compareBallots(other.ballot, ballot) === 0
      })
      if (received >= this.#required) return { type: 'agreed', copy, received }
    }
    return undefined
  }

  #end(): readonly AgreedReadEffect<C>[] {
    this.#isOver = true
    return UNDECIDED
  }
}

const BE_PATIENT = [{ type: 'be-patient' }] as const
const UNDECIDED = [{ type: 'undecided' }] as const
