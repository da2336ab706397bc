/**
 * The memory of one register at one acceptor (CASPaxos, Rystsov 2018, section 2.2), and how it answers.
 *
 * The caller makes the returned state durable BEFORE the reply leaves: a promise or an acceptance that a
 * crash can take back breaks consensus. Where the state is unchanged, the same object is returned and there
 * is nothing to write.
 *
 * Invariant: accepted <= promised, and neither ever falls.
 */
import { assert } from '../assert.ts'
import { BALLOT_ZERO, compareBallots, type Ballot } from './ballot.ts'

export interface AcceptorState<T> {
  /** The highest ballot prepared or accepted here; lower ones are refused. */
  readonly promised: Ballot
  /** The ballot of `value`; BALLOT_ZERO where nothing was ever accepted. */
  readonly accepted: Ballot
  /** Null where the register is empty. */
  readonly value: T | null
}

/** `ballot` repeats that of the question, so that replies to an earlier attempt can be told apart. */
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
  /** Which question was refused. */
  readonly phase: 'prepare' | 'accept'
  /**
   * Whether an earlier copy of the refused accept may have been taken here, whatever has come after it. If not,
   * this acceptor never took it and, as promises never fall, never will.
   */
  readonly mayHaveAccepted: boolean
  /** What it has promised; only a higher ballot has a chance. */
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

/** Promises to refuse lower ballots, and tells what was accepted so far. */
export function prepare<T>(
  state: AcceptorState<T>,
  ballot: Ballot,
): AcceptorStep<T, PrepareReply<T>> {
  // An equal ballot is refused too, which makes each ballot one attempt of one proposer (see ballot.ts).
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
 * Takes the value, unless a higher ballot was promised. A repeated question is answered alike while nothing further has
 * been promised. `next` is promised with it: where it is the proposer's next ballot, that proposer can leave out the
 * first step (proposer.ts). `isSettled`: nothing was promised above what is accepted, but its own `next`.
 */
export function accept<T>(
  state: AcceptorState<T>,
  ballot: Ballot,
  value: T | null,
  {
    next = ballot,
    isSettled = compareBallots(state.promised, state.accepted) <= 0,
  }: { readonly next?: Ballot; readonly isSettled?: boolean } = {},
): AcceptorStep<T, AcceptReply> {
  assert(compareBallots(next, ballot) >= 0, 'a promise never falls')
  assert(compareBallots(ballot, BALLOT_ZERO) > 0, 'the zero ballot proposes nothing')
  // Not after a later promise: the value may be here by repair, which counts for nothing then. Whoever was promised it
  // was told of an older value, and a majority of this ballot that counted this one would be overlooked.
  if (compareBallots(ballot, state.accepted) === 0 && isSettled)
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
