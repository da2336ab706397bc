/**
 * One attempt to change a register by consensus (CASPaxos, Rystsov 2018, section 2.2). The register has no leader and
 * no log, and every decided value is computed from the one decided before it.
 *
 * 1. *Prepare*: ask all acceptors to promise this ballot. A majority of promises shows the current value: the one with
 * the highest accepted ballot among them. Any value decided earlier was accepted by a majority. Two majorities share an
 * acceptor, so it cannot be missed.
 * 2. *Change*: apply the caller's function to the value, once.
 * 3. *Accept*: ask all acceptors to accept the result. A majority of acceptances decides it. A change that leaves the
 * value as it is (a read, a failed condition) goes through the same round. The reason: perhaps only a minority has
 * accepted the value seen in step 1, and until a majority has, two readers could disagree.
 *
 * While a register moves, it has two groups of acceptors, and both steps need a majority of each. Then an attempt finds
 * what the old group decided alone, and an attempt in the new group alone finds what this one decides. An acceptor in
 * both groups is asked once and counts in both.
 *
 * After a decision, the acceptors have promised the proposer's next ballot with their acceptances. So that proposer
 * knows the value that a majority would show, and can start with step 2 (2.2.1 of the paper).
 *
 * One object is one attempt with one ballot. After a conflict the caller backs off and starts another with a higher
 * one. The object is pure: it returns questions as data and receives replies as calls, in any order, late or repeated.
 *
 * The outcome of a failed attempt is exact. *Rejected*: the change is and will be in no decided value, because no
 * changed value was sent, or every acceptor refused it or was never reached. *Unknown*: some acceptor may hold it, and
 * a later attempt of any proposer may complete it. Repeat an unknown change only if applying it twice is the same as
 * once.
 */
import { assert } from '../assert.ts'
import type { Outcome } from '../errors.ts'
import { majority } from '../quorum/level.ts'
import { allOwners, type OwnerGroups } from '../quorum/owner-groups.ts'
import type { AcceptorReply } from './acceptor.ts'
import { BALLOT_ZERO, compareBallots, maxBallot, type Ballot } from './ballot.ts'

/** Computes the change of the current value; null is an empty register. `result` is for the caller. */
export type ChangeFunction<T, R> = (current: T | null) => Change<T, R>

export type Change<T, R> =
  | { readonly changed: true; readonly value: T; readonly result: R }
  | { readonly changed: false; readonly result: R }

export type ProposerMessage<T> =
  | { readonly type: 'prepare'; readonly ballot: Ballot }
  | { readonly type: 'accept'; readonly ballot: Ballot; readonly value: T | null }

export type ProposerResult<T, R> =
  | {
      readonly type: 'decided'
      readonly value: T | null
      readonly changed: boolean
      readonly result: R
      /** Acceptors that are known to have accepted; of two groups, the smaller count. */
      readonly received: number
      /** Whether some acceptor reported a higher ballot. The promise of the next ballot may not hold then. */
      readonly isContested: boolean
    }
  /** Another proposer uses a higher ballot; `seen` is the highest that was reported. */
  | { readonly type: 'conflict'; readonly outcome: Outcome; readonly seen: Ballot }
  /** Too few acceptors answered. The counts belong to the group that lacks most. */
  | {
      readonly type: 'unreachable'
      readonly outcome: Outcome
      readonly required: number
      readonly received: number
    }

export interface ProposerStep<T, R> {
  readonly send: readonly { readonly to: string; readonly message: ProposerMessage<T> }[]
  /** Set in exactly one step of an attempt: the last one that has an effect. */
  readonly result: ProposerResult<T, R> | undefined
}

/** The answer of one acceptor in the current phase. `lost`: none has come, but the acceptor may have agreed. */
type Answer = 'agreed' | 'refused' | 'unsent' | 'lost'

export class Proposer<T, R> {
  readonly #groups: OwnerGroups
  /** The acceptors of all groups, each once. */
  readonly #acceptors: readonly string[]
  readonly #ballot: Ballot
  readonly #change: ChangeFunction<T, R>
  #phase: 'idle' | 'prepare' | 'accept' | 'done' = 'idle'
  #answers = new Map<string, Answer>()
  #seen: Ballot
  #accepted: Ballot = BALLOT_ZERO
  #current: T | null = null
  readonly #isKnown: boolean
  #next: Change<T, R> | undefined
  /** Refusals that do not exclude that an earlier copy of the question was accepted. */
  #doubtful = 0

  /**
   * `ballot` is above all that this node used before for the register. `known`: a majority promised exactly that ballot
   * when it accepted this value.
   */
  constructor(options: {
    /** The acceptors of the register: two groups while they change. */
    readonly groups: OwnerGroups
    readonly ballot: Ballot
    readonly change: ChangeFunction<T, R>
    readonly known?: { readonly value: T } | undefined
  }) {
    const { groups, ballot, change, known } = options
    assert(groups.length > 0, 'a register has acceptors')
    for (const acceptors of groups) {
      assert(acceptors.length > 0, 'each group has acceptors')
      assert(new Set(acceptors).size === acceptors.length, 'each acceptor is named once')
    }
    assert(compareBallots(ballot, BALLOT_ZERO) > 0, 'a proposal has a ballot above zero')
    this.#groups = groups
    this.#acceptors = allOwners(groups)
    this.#ballot = ballot
    this.#change = change
    this.#seen = ballot
    this.#isKnown = known !== undefined
    if (known !== undefined) this.#current = known.value
  }

  start(): ProposerStep<T, R> {
    assert(this.#phase === 'idle', 'an attempt starts once')
    if (this.#isKnown) return this.#propose()
    this.#phase = 'prepare'
    return this.#ask({ type: 'prepare', ballot: this.#ballot })
  }

  /** Takes a reply to any question of this register. Replies to other attempts or phases are ignored. */
  receive(from: string, reply: AcceptorReply<T>): ProposerStep<T, R> {
    assert(this.#acceptors.includes(from), `${from} is an acceptor`)
    if (compareBallots(reply.ballot, this.#ballot) !== 0) return NOTHING
    switch (reply.type) {
      case 'promise':
        if (!this.#record(from, 'prepare', 'agreed')) return NOTHING
        this.#learn(reply.accepted, reply.value)
        break
      case 'accepted':
        if (!this.#record(from, 'accept', 'agreed')) return NOTHING
        break
      case 'conflict':
        this.#seen = maxBallot(this.#seen, reply.seen)
        if (!this.#record(from, reply.phase, 'refused')) return NOTHING
        if (reply.phase === 'accept' && reply.mayHaveAccepted) this.#doubtful += 1
        break
      default:
        reply satisfies never
    }
    return this.#advance()
  }

  /** The last question to that acceptor was not sent, and never will be. */
  unsent(to: string): ProposerStep<T, R> {
    return this.#withoutAnswer(to, 'unsent')
  }

  /** The last question to that acceptor was sent, but no answer will come. */
  lost(to: string): ProposerStep<T, R> {
    return this.#withoutAnswer(to, 'lost')
  }

  /** The current phase, if an acceptor has refused in it; the others may be out of reach. */
  get refusedIn(): 'prepare' | 'accept' | undefined {
    if (this.#phase !== 'prepare' && this.#phase !== 'accept') return undefined
    return this.#count('refused') > 0 ? this.#phase : undefined
  }

  /** Ends the attempt, for example at a deadline. Undefined if it has already ended. */
  abandon(): ProposerResult<T, R> | undefined {
    if (this.#phase === 'done') return undefined
    return this.#fail()
  }

  #withoutAnswer(to: string, answer: 'unsent' | 'lost'): ProposerStep<T, R> {
    assert(this.#acceptors.includes(to), `${to} is an acceptor`)
    if (this.#phase === 'idle' || this.#phase === 'done') return NOTHING
    return this.#record(to, this.#phase, answer) ? this.#advance() : NOTHING
  }

  /** False if the answer belongs to another phase, or this acceptor has already answered. */
  #record(from: string, phase: 'prepare' | 'accept', answer: Answer): boolean {
    if (phase !== this.#phase) return false
    const earlier = this.#answers.get(from)
    // A late reply still counts after the caller gave up on it.
    if (earlier !== undefined && earlier !== 'lost') return false
    if (earlier === answer) return false
    this.#answers.set(from, answer)
    return true
  }

  #learn(accepted: Ballot, value: T | null): void {
    if (compareBallots(accepted, this.#accepted) <= 0) return
    assert(compareBallots(accepted, this.#ballot) < 0, 'a promise tells of lower ballots only')
    this.#accepted = accepted
    this.#current = value
  }

  #advance(): ProposerStep<T, R> {
    if (this.#isMajority('agreed')) {
      return this.#phase === 'prepare' ? this.#propose() : this.#decide()
    }
    if (this.#isMajority('agreed or open')) return NOTHING
    const open = this.#acceptors.length - this.#answers.size
    // The attempt has failed. Wait for open replies only if they can still prove that no acceptor took the value.
    if (open > 0 && this.#phase === 'accept' && this.#excluded() === this.#answers.size)
      return NOTHING
    return { send: [], result: this.#fail() }
  }

  #isMajority(which: 'agreed' | 'agreed or open'): boolean {
    for (const acceptors of this.#groups) {
      if (this.#countIn(acceptors, which) < majority(acceptors.length)) return false
    }
    return true
  }

  #countIn(acceptors: readonly string[], which: 'agreed' | 'agreed or open'): number {
    let count = 0
    for (const acceptor of acceptors) {
      const answer = this.#answers.get(acceptor)
      if (answer === 'agreed' || (answer === undefined && which === 'agreed or open')) count++
    }
    return count
  }

  /** The counts of the group that is furthest from a majority. */
  #furthest(): { readonly required: number; readonly received: number } {
    const each = this.#groups.map((acceptors) => ({
      required: majority(acceptors.length),
      received: this.#countIn(acceptors, 'agreed'),
    }))
    const lacking = (one: (typeof each)[number]): number => one.required - one.received
    return each.reduce((a, b) => (lacking(b) > lacking(a) ? b : a))
  }

  #propose(): ProposerStep<T, R> {
    this.#next = this.#change(this.#current)
    this.#phase = 'accept'
    this.#answers = new Map()
    return this.#ask({ type: 'accept', ballot: this.#ballot, value: this.#proposed(this.#next) })
  }

  #decide(): ProposerStep<T, R> {
    const next = this.#next
    assert(next !== undefined, 'what is decided was proposed')
    this.#phase = 'done'
    const { changed, result } = next
    return {
      send: [],
      result: {
        type: 'decided',
        value: this.#proposed(next),
        changed,
        result,
        received: Math.min(...this.#groups.map((group) => this.#countIn(group, 'agreed'))),
        isContested: compareBallots(this.#seen, this.#ballot) > 0,
      },
    }
  }

  #fail(): ProposerResult<T, R> {
    const outcome = this.#outcome()
    this.#phase = 'done'
    if (compareBallots(this.#seen, this.#ballot) > 0 || this.#count('refused') > 0) {
      return { type: 'conflict', outcome, seen: this.#seen }
    }
    return { type: 'unreachable', outcome, ...this.#furthest() }
  }

  #outcome(): Outcome {
    if (this.#phase !== 'accept' || this.#next?.changed !== true) return 'rejected'
    return this.#excluded() === this.#acceptors.length ? 'rejected' : 'unknown'
  }

  /** How many acceptors certainly do not have the value and never will. */
  #excluded(): number {
    return this.#count('refused') + this.#count('unsent') - this.#doubtful
  }

  #proposed(next: Change<T, R>): T | null {
    return next.changed ? next.value : this.#current
  }

  #ask(message: ProposerMessage<T>): ProposerStep<T, R> {
    return { send: this.#acceptors.map((to) => ({ to, message })), result: undefined }
  }

  #count(answer: Answer): number {
    let count = 0
    for (const other of this.#answers.values()) if (other === answer) count += 1
    return count
  }
}

const NOTHING = { send: [], result: undefined } as const
