/**
 * What a strong register remembers beside its value, so that the outcome of a write can be told afterwards: the
 * ballots of its last changes, and the last writes that named an idempotency key.
 *
 * Each proposal is made from the value of the one before it, so the changes of a register form a chain. A change
 * that may have been accepted was made if, and only if, its ballot is in the chain of any value decided later.
 */
import type { Dot, Timestamp } from '../causality/dot.ts'
import { TICKS_PER_MS } from '../causality/hybrid-clock.ts'
import { type Ballot, compareBallots } from './ballot.ts'

export interface RegisterMemory {
  /** Of the last rounds that changed the value, in their order. */
  readonly changes: readonly Ballot[]
  /** The last writes that named an idempotency key, in their order. */
  readonly answered: readonly AnsweredWrite[]
}

/** A write that was made under an idempotency key, with what its client was or would have been told. */
export interface AnsweredWrite {
  readonly idempotencyKey: string
  /** Of the request. Undefined where a node of version 2 made the write: it matches any. */
  readonly fingerprint?: string | undefined
  readonly dot: Dot
  readonly existed: boolean
}

/** A proposer asks about its own last attempts, of the same seconds: few rounds can have come between. */
const CHANGES_MAX = 6
/** Retries come within seconds. Of a key that is written often, so many are kept; of another, those of ten minutes. */
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
 * Whether the change at `ballot` is in the chain of a value that was decided after it: `forgotten` where too many
 * others have been made since to tell.
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
