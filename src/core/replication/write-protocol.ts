/**
 * Decides the rounds and the outcome of one client's write, at its coordinator.
 *
 * Usually one round is enough: the write is acknowledged once a round is met and its placement is still in force. Two
 * events make another round necessary:
 *
 * - *A new placement came into force.* The new owners take over only what the old owners held before, so the copy is
 *   sent again, to the new owners.
 * - *The first round found a value that the write replaces but had not seen.* A blind write in a siblings bucket covers
 *   siblings that are older than itself, and no others, because a newer one may be acknowledged to another client. An
 *   lww write that met a newer timestamp is made again above it. Otherwise it would be acknowledged and lost at once.
 *
 * Invariant: a write ends as *rejected* only if no round can have stored anything anywhere.
 *
 * This class is pure: its driver makes the copies and runs the rounds (write-round.ts).
 */
import { assert } from '../assert.ts'
import type { Dot, Timestamp } from '../causality/dot.ts'
import { type RoundPlan, WriteRound } from './write-round.ts'

/**
 * How a write treats a value that an owner reports and that its copy does not cover. `lww`: if the value
 * is newer, the write is made again above it. `covers-unseen`: the write replaces older siblings. `leaves-unseen`: they
 * remain siblings.
 */
export type WriteKind = 'lww' | 'covers-unseen' | 'leaves-unseen'

/** The step that follows a round. */
export type WriteStep =
  | { readonly type: 'acknowledge' }
  /** Send the same copy again, to the owners of the placement in force. */
  | { readonly type: 'place-again' }
  /** Send a second copy, which also covers these dots. */
  | { readonly type: 'cover'; readonly dots: readonly Dot[] }
  /** Send the same content again, with a timestamp above `newest`. */
  | { readonly type: 'mint-above'; readonly newest: Timestamp }
  | { readonly type: 'fail'; readonly outcome: 'rejected' | 'unknown' }

/** The reason why a failure cannot be a rejection, even if the last round was rejected. */
export type Doubt = 'none' | 'stored-before-move' | 'stored-by-first-round'

export class WriteProtocol {
  readonly #kind: WriteKind
  /** The dot of the first copy. */
  readonly #dot: Dot
  #round: WriteRound | undefined
  /** Whether a round of the current copy under an earlier placement may have stored it. */
  #mayBeStored = false
  /** The round in which the first copy was met; undefined until there is a second copy. */
  #first: WriteRound | undefined

  constructor(kind: WriteKind, dot: Dot) {
    this.#kind = kind
    this.#dot = dot
  }

  /** Starts a round of the current copy. */
  begin(plan: RoundPlan): WriteRound {
    assert(this.#round?.settled !== undefined || this.#round === undefined, 'one round at a time')
    this.#round = new WriteRound(plan)
    return this.#round
  }

  /** Gives the next step once the round is settled. `isInForce`: whether the round's placement is still in force. */
  next(isInForce: boolean): WriteStep {
    const round = this.#round
    assert(round?.settled !== undefined, 'the round is settled')
    if (round.settled === 'met') {
      if (!isInForce) return this.#placeAgain(true)
      return (this.#first === undefined ? this.#secondCopy(round) : undefined) ?? ACKNOWLEDGE
    }
    if (!isInForce) return this.#placeAgain(round.settled === 'unknown')
    return { type: 'fail', outcome: this.outcomeOf(round.settled) }
  }

  /** The outcome of a write that cannot continue. `outcome`: the outcome of its last step alone. */
  outcomeOf(outcome: 'rejected' | 'unknown'): 'rejected' | 'unknown' {
    return this.doubt === 'none' ? outcome : 'unknown'
  }

  get doubt(): Doubt {
    if (this.#first !== undefined) return 'stored-by-first-round'
    return this.#mayBeStored ? 'stored-before-move' : 'none'
  }

  /** The round in which the first copy was met; undefined if there is none. */
  get firstMet(): WriteRound | undefined {
    return this.#first ?? (this.#round?.settled === 'met' ? this.#round : undefined)
  }

  /** `mayBeStored`: whether the round may have stored something. */
  #placeAgain(mayBeStored: boolean): WriteStep {
    this.#mayBeStored ||= mayBeStored
    return PLACE_AGAIN
  }

  #secondCopy(round: WriteRound): WriteStep | undefined {
    const step = this.#replaceUnseen(round)
    if (step !== undefined) this.#first = round
    return step
  }

  #replaceUnseen({ newest, uncovered, plan }: WriteRound): WriteStep | undefined {
    switch (this.#kind) {
      case 'leaves-unseen':
        return undefined
      case 'lww':
        return newest > this.#dot.timestamp ? { type: 'mint-above', newest } : undefined
      case 'covers-unseen': {
        // A stand-in made its copy without an owner's copy, so it covers none of the owners' siblings.
        if (plan.groups[0]?.includes(plan.self) !== true) return undefined
        const dots = uncovered.filter(({ timestamp }) => timestamp < this.#dot.timestamp)
        return dots.length > 0 ? { type: 'cover', dots } : undefined
      }
      default:
        return this.#kind satisfies never
    }
  }
}

const ACKNOWLEDGE: WriteStep = { type: 'acknowledge' }
const PLACE_AGAIN: WriteStep = { type: 'place-again' }
