/**
 * One client's write at its coordinator: the rounds that it takes, and how it ends.
 *
 * A write is acknowledged after one round that was met under the placement in force. Two things make it take more:
 *
 * - *Another placement came into force.* The new owners take over only what the old ones held before, so the copy is sent
 *   once more, to them.
 * - *The first round met something that the write replaces and had not seen.* A blind write of a siblings bucket covers
 *   what is older than itself, and no more: what is newer may be acknowledged to somebody else. An lww write that met a
 *   newer timestamp is made again above it, else it would be acknowledged and lost at once.
 *
 * Invariant: a write ends as *rejected* only where no round can have stored anything anywhere.
 *
 * Pure: the driver makes copies and carries rounds out (write-round.ts).
 */
import { assert } from '../assert.ts'
import type { Dot, Timestamp } from '../causality/dot.ts'
import { type RoundPlan, WriteRound } from './write-round.ts'

/** What a write does with what its client had not seen: lww and blind writes replace it; any other leaves it. */
export type WriteKind = 'lww' | 'blind' | 'seeing'

/** What comes after a round. */
export type WriteStep =
  | { readonly type: 'acknowledge' }
  /** The same copy once more, to the owners of the placement in force. */
  | { readonly type: 'place-again' }
  /** Another copy, which covers these dots too. */
  | { readonly type: 'cover'; readonly dots: readonly Dot[] }
  /** The same content once more, with a timestamp above this one. */
  | { readonly type: 'mint-above'; readonly newest: Timestamp }
  | { readonly type: 'fail'; readonly outcome: 'rejected' | 'unknown' }

/** Why a failure cannot be a rejection, whatever the last round says. */
export type Doubt = 'none' | 'stored-before-move' | 'stored-by-first-round'

export class WriteProtocol {
  readonly #kind: WriteKind
  /** The dot of the first copy. */
  readonly #dot: Dot
  #round: WriteRound | undefined
  /** A round of the present copy, under an earlier placement, may have stored it. */
  #mayBeStored = false
  /** The round that the first copy was met in, once there is a second copy. */
  #first: WriteRound | undefined

  constructor(kind: WriteKind, dot: Dot) {
    this.#kind = kind
    this.#dot = dot
  }

  /** A round of the present copy. */
  begin(plan: RoundPlan): WriteRound {
    assert(this.#round?.settled !== undefined || this.#round === undefined, 'one round at a time')
    this.#round = new WriteRound(plan)
    return this.#round
  }

  /** What follows once the round is settled. `isInForce`: whether its placement is the one in force now. */
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

  /** How the write ends where it cannot go on, and what stopped it would by itself end so. */
  outcomeOf(outcome: 'rejected' | 'unknown'): 'rejected' | 'unknown' {
    return this.doubt === 'none' ? outcome : 'unknown'
  }

  get doubt(): Doubt {
    if (this.#first !== undefined) return 'stored-by-first-round'
    return this.#mayBeStored ? 'stored-before-move' : 'none'
  }

  /** The round in which the first copy was met: the last one, unless there is a second copy. */
  get firstMet(): WriteRound | undefined {
    return this.#first ?? (this.#round?.settled === 'met' ? this.#round : undefined)
  }

  /** `mayBeStored`: whether the round may have stored something. */
  #placeAgain(mayBeStored: boolean): WriteStep {
    this.#mayBeStored ||= mayBeStored
    return PLACE_AGAIN
  }

  #secondCopy(round: WriteRound): WriteStep | undefined {
    const step = this.#whatItHadNotSeen(round)
    if (step !== undefined) this.#first = round
    return step
  }

  #whatItHadNotSeen({ newest, uncovered, plan }: WriteRound): WriteStep | undefined {
    switch (this.#kind) {
      case 'seeing':
        return undefined
      case 'lww':
        return newest > this.#dot.timestamp ? { type: 'mint-above', newest } : undefined
      case 'blind': {
        // A stand-in has not met the owners' copies, and covers nothing of theirs.
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
