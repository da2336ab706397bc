/** What happens in a small world (small-model.ts), and which of its rules is broken. */
export type ModelFlaw =
  | 'none'
  | 'accept below promise'
  | 'promise forgotten at a crash'
  | 'settled below the next ballot'
  | 'lease without the implied promise'
  | 'repaired copy is settled'
  | 'repaired copy is accepted'
  | 'fast read of one copy'

/** One attempt: at that counter, unless it goes on under a lease. */
export interface PlannedAttempt {
  readonly counter: number
  /** The letter that it appends; undefined for a read by proposal. */
  readonly letter: string | undefined
}

export interface ModelPlan {
  readonly n1: readonly PlannedAttempt[]
  readonly n2: readonly PlannedAttempt[]
  readonly hasReaders: boolean
}
