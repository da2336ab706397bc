/** What a search is given besides its problem, and how it ends. */
import type { StateId } from './problem.ts'

export interface Limits {
  readonly memoBytesMax: number
  /** On the clock of `nowMs`. */
  readonly deadlineMs: number
  readonly nowMs: () => number
}

export type Outcome =
  | { readonly type: 'linearizable'; readonly order: readonly number[] }
  | ({ readonly type: 'not-linearizable' } & DeadEnd)
  | { readonly type: 'unknown'; readonly why: 'time' | 'memory' }

/** The furthest that any order came. */
export interface DeadEnd {
  /** The operation that could not return. */
  readonly op: number
  /** The place of its return among the events. */
  readonly event: number
  readonly state: StateId
  /** The last operations of the order that came so far. */
  readonly tail: readonly number[]
}
