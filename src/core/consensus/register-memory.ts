/**
 * The memory that a strong register keeps beside its value, to find out later whether a write was applied: the ballots
 * of its last changes, and the last writes with an idempotency key.
 *
 * Each proposal is made from the value before it, so the changes of a register form a chain. A change that may have
 * been accepted was applied if, and only if, its ballot is in the chain of any value decided later.
 */
import type { Dot, Timestamp } from '../causality/dot.ts'
import { TICKS_PER_MS } from '../causality/hybrid-clock.ts'
import { type Ballot, compareBallots } from './ballot.ts'

export interface RegisterMemory {
  /** The ballots of the last rounds that changed the value, oldest first. */
  readonly changes: readonly Ballot[]
  /** The last writes with an idempotency key, oldest first. */
  readonly answered: readonly AnsweredWrite[]
}

/** A write that was applied under an idempotency key, with the answer for its client. */
export interface AnsweredWrite {
  readonly idempotencyKey: string
  /** The fingerprint of the request. Undefined if a node of version 2 made the write; it matches any. */
  readonly fingerprint?: string | undefined
  readonly dot: Dot
  readonly existed: boolean
}

/** A proposer asks about its own attempts of the last seconds. Few rounds can have come between. */
const CHANGES_MAX = 6
/** Retries come within seconds. A busy key keeps this many writes, any other key those of the last ten minutes. */
export const ANSWERED_MAX = 256
export const ANSWERED_MS = 10 * 60_000
const ANSWERED_TICKS = ANSWERED_MS * TICKS_PER_MS

export const EMPTY_MEMORY: RegisterMemory = { changes: [], answered: [] }

/** The memory after a change at `ballot`, at the time `now`. */
export function remember(
  memory: RegisterMemory,
  ballot: Ballot,
  answered: readonly AnsweredWrite[],
  now: Timestamp,
): RegisterMemory {
  const all = answered.length === 0 ? memory.answered : [...memory.answered, ...answered]
  const isYoung = ({ dot }: AnsweredWrite): boolean => dot.timestamp > now - ANSWERED_TICKS
  return {
    changes: [...memory.changes, ballot].slice(-CHANGES_MAX),
    answered: all.every(isYoung)
      ? all.slice(-ANSWERED_MAX)
      : all.filter(isYoung).slice(-ANSWERED_MAX),
  }
}

/**
 * Whether the change at `ballot` is in the chain of a value decided later. `forgotten` if too many changes have
 * followed to tell.
 */
export function findChange(
  { changes }: RegisterMemory,
  ballot: Ballot,
): 'made' | 'not made' | 'forgotten' {
  if (changes.some((change) => compareBallots(change, ballot) === 0)) return 'made'
  const [oldest] = changes
  const isFull = changes.length === CHANGES_MAX
  const mayHaveLeft = isFull && oldest !== undefined && compareBallots(oldest, ballot) > 0
  return mayHaveLeft ? 'forgotten' : 'not made'
}

export function findAnswered(
  { answered }: RegisterMemory,
  idempotencyKey: string,
): AnsweredWrite | undefined {
  return answered.find((write) => write.idempotencyKey === idempotencyKey)
}
