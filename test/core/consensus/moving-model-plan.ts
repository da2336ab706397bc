/** What happens in a small world whose owners change (moving-model.ts), and which of its rules is broken. */
import type { PlannedAttempt } from './small-model-plan.ts'

export type MovingFlaw =
  | 'none'
  /** An acceptor takes what was placed under any generation, and stays where it is. */
  | 'generation not checked'
  /** An attempt goes on after its node has moved: later acceptors take it, and the groups are the old ones. */
  | 'attempt outlives its generation'
  /** A reader counts what owners have answered that have moved on. */
  | 'read outlives its generation'
  | 'old owners alone decide in the joint generation'
  | 'new owners alone decide in the joint generation'
  /** The one that comes says that it is complete, and has copied nothing. */
  | 'nothing copied'
  /** It has copied from one owner. */
  | 'too little copied'
  /** It copies from owners that are not in the joint generation yet. */
  | 'copied too early'
  | 'no floor'
  /** It drops what it holds of old after it has answered questions of the joint generation. */
  | 'leftovers dropped late'
  /** An owner that has answered in a generation is back in the one before. */
  | 'generation forgotten at a crash'

/** Made under that generation, whatever its node knows by then. */
export interface MovingAttempt extends PlannedAttempt {
  readonly generation: 0 | 1 | 2
  /** Whether it goes on under the lease that the one before has left. */
  readonly isLeased?: boolean
}

export interface MovingPlan {
  readonly n1: readonly MovingAttempt[]
  readonly n2: readonly MovingAttempt[]
  /** Of how many old owners the one that comes takes over what they hold. */
  readonly copiedFrom: 2 | 3
}
