/** The limits of a search, and its outcome. */
export interface Limits {
  readonly memoBytesMax: number
  /** Measured on the clock of `nowMs`. */
  readonly deadlineMs: number
  readonly nowMs: () => number
  /**
   * How many configurations are tried in vain before the supply is computed (supply.ts); undefined for a good default.
   */
  readonly vainBeforeSupply?: number
}

export type Outcome =
  | { readonly type: 'linearizable'; readonly order: Int32Array }
  | ({ readonly type: 'not-linearizable' } & DeadEnd)
  | { readonly type: 'unknown'; readonly why: 'time' | 'memory' }

/** The point at which the longest possible order ends. */
export interface DeadEnd {
  /** The operation that could not return. */
  readonly op: number
  /** The index of its return among the events. */
  readonly event: number
}
