/** What a search is given besides its problem, and how it ends. */
export interface Limits {
  readonly memoBytesMax: number
  /** On the clock of `nowMs`. */
  readonly deadlineMs: number
  readonly nowMs: () => number
  /** Configurations tried in vain before it is worked out who will need what; a number that does well if undefined. */
  readonly vainBeforeSupply?: number
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
}
