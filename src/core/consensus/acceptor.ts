/**
 * The state of one register at one acceptor (CASPaxos, Rystsov 2018, section 2.2), and its answers.
 *
 * The caller makes the returned state durable BEFORE it sends the reply: a promise or an acceptance that is lost in a
 * crash breaks consensus. If the state is unchanged, the same object is returned and nothing has to be written.
 *
 * Invariant: accepted <= promised, and neither ever falls.
 */
import { assert } from '../assert.ts'
import { BALLOT_ZERO, compareBallots, type Ballot } from './ballot.ts'

export interface AcceptorState<T> {
  /** The highest ballot prepared or accepted here. Lower ones are refused. */
  readonly promised: Ballot
  /** The ballot of `value`; BALLOT_ZERO if nothing was ever accepted. */
  readonly accepted: Ballot
  /** Null if the register is empty. */
  readonly value: T | null
}

/** `ballot` repeats the question's ballot, so that replies to an earlier attempt can be recognised. */
export type PrepareReply<T> =
  | {
      readonly type: 'promise'
      readonly ballot: Ballot
      readonly accepted: Ballot
      readonly value: T | null
    }
  | ConflictReply

export type AcceptReply = { readonly type: 'accepted'; readonly ballot: Ballot } | ConflictReply

export interface ConflictReply {
  readonly type: 'conflict'
  readonly ballot: Ballot
  /** The kind of question that was refused. */
  readonly phase: 'prepare' | 'accept'
  /**
   * Whether this acceptor may have accepted an earlier copy of the refused message, even if it accepted others later.
   * If not, it never did and, because promises never fall, never will.
   */
  readonly mayHaveAccepted: boolean
  /** The highest ballot promised here. Only a higher one has a chance. */
  readonly seen: Ballot
}

export type AcceptorReply<T> = PrepareReply<T> | AcceptReply

export interface AcceptorStep<T, Reply> {
  readonly state: AcceptorState<T>
  readonly reply: Reply
}

export function emptyAcceptor<T>(): AcceptorState<T> {
  return { promised: BALLOT_ZERO, accepted: BALLOT_ZERO, value: null }
}

/** Promises to refuse lower ballots, and returns the value accepted so far. */
export function prepare<T>(
  state: AcceptorState<T>,
  ballot: Ballot,
): AcceptorStep<T, PrepareReply<T>> {
  // An equal ballot is refused too, so that each ballot belongs to one attempt of one proposer (see ballot.ts).
  if (compareBallots(ballot, state.promised) <= 0) {
    return { state, reply: conflict('prepare', ballot, state) }
  }
  const { accepted, value } = state
  return {
    state: { promised: ballot, accepted, value },
    reply: { type: 'promise', ballot, accepted, value },
  }
}

/**
 * Accepts the value unless a higher ballot was promised. A repeated question gets the same answer as long as nothing
 * else has been promised. `next` is promised with the acceptance: if it is the proposer's next ballot, that proposer
 * can skip the first phase (proposer.ts). `isUncontested`: nothing above the accepted ballot is promised, except its own
 * `next`.
 */
export function accept<T>(
  state: AcceptorState<T>,
  ballot: Ballot,
  value: T | null,
  {
    next = ballot,
    isUncontested = compareBallots(state.promised, state.accepted) <= 0,
  }: { readonly next?: Ballot; readonly isUncontested?: boolean } = {},
): AcceptorStep<T, AcceptReply> {
  assert(compareBallots(next, ballot) >= 0, 'a promise never falls')
  assert(compareBallots(ballot, BALLOT_ZERO) > 0, 'the zero ballot proposes nothing')
  // Refuse after a later promise: the value may be here by repair, which is not an acceptance. The later proposer was
  // told an older value, so it would overlook a majority that counted this answer.
  if (compareBallots(ballot, state.accepted) === 0 && isUncontested)
    return { state, reply: { type: 'accepted', ballot } }
  if (compareBallots(ballot, state.promised) < 0) {
    return { state, reply: conflict('accept', ballot, state) }
  }
  return {
    state: { promised: next, accepted: ballot, value },
    reply: { type: 'accepted', ballot },
  }
}

function conflict<T>(
  phase: ConflictReply['phase'],
  ballot: Ballot,
  { promised, accepted }: AcceptorState<T>,
): ConflictReply {
  const mayHaveAccepted = compareBallots(accepted, ballot) >= 0
  return { type: 'conflict', ballot, phase, seen: promised, mayHaveAccepted }
}
