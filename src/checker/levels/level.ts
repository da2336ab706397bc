/**
 * The levels of consistency that a history is compared with, and what is said of each.
 *
 * The names and their order follow Jepsen's map of consistency models, after Viotti and Vukolić ("Consistency in
 * non-transactional distributed storage systems", 2016). A level that holds implies others:
 *
 * - linearizable implies every other level,
 * - sequential implies causal,
 * - causal implies the four session guarantees (Brzezinski, Sobaniec, Wawrzyniak 2004).
 *
 * The session guarantees do not imply each other. `no lost writes` follows from linearizable alone, because the levels
 * between do not bound how long a read may stay stale.
 */
import type { Operation } from '../history/operation.ts'

export const LEVELS = [
  'linearizable',
  'sequential',
  'causal',
  'monotonic reads',
  'monotonic writes',
  'read your writes',
  'writes follow reads',
  'no lost writes',
] as const

export type Level = (typeof LEVELS)[number]

export const SESSION_GUARANTEES = [
  'monotonic reads',
  'monotonic writes',
  'read your writes',
  'writes follow reads',
] as const satisfies readonly Level[]

export type SessionGuarantee = (typeof SESSION_GUARANTEES)[number]

/** What each level demands, as a phrase. */
export const MEANINGS: Readonly<Record<Level, string>> = {
  linearizable: 'each operation takes effect at one moment between its request and its answer',
  sequential: 'all clients see one order of all operations, which keeps the order of each client',
  causal: 'a client that has seen an effect also sees its cause',
  'monotonic reads': 'a client never reads an older state than it has read before',
  'monotonic writes': 'the writes of a client are seen in the order in which it made them',
  'read your writes': 'a client sees its own writes',
  'writes follow reads':
    'a client that sees a write also sees what its writer had read before that write',
  'no lost writes': 'no acknowledged write is missing when its key is read at the end',
}

/** Whether a history satisfies one level. */
export type Judgement =
  | { readonly type: 'holds' }
  | { readonly type: 'broken'; readonly proof: Proof }
  /** `why` is a sentence without its period. */
  | { readonly type: 'unknown'; readonly why: string }

/** A few operations that alone contradict the level. */
export interface Proof {
  /** What is wrong with the operations, as a sentence without its period. */
  readonly lead: string
  readonly operations: readonly Operation[]
  /** The operation that the lead is about: a read that saw the wrong state, or a lost write. */
  readonly culprit?: Operation | undefined
}

export const HOLDS: Judgement = { type: 'holds' }

export function broken(proof: Proof): Judgement {
  return { type: 'broken', proof }
}

export function unknown(why: string): Judgement {
  return { type: 'unknown', why }
}

/** The limits of the searches. Beyond them a level is unknown. */
export interface LadderLimits {
  /** A clock may count its calls instead of time, so that equal histories always get equal ladders. */
  readonly nowMs: () => number
  readonly timeMs: number
  readonly memoryBytes: number
}
