/**
 * Small worlds whose owners change (moving-model.ts): two proposals meet, and the later one has the higher ballot. A
 * generation is 0 for the old owners, 1 for old and new ones jointly, 2 for the new ones.
 */
import type { MovingPlan } from './moving-model-plan.ts'

/** One of the new owners, and a later one of the old owners. */
export const OLD_LATER: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 2 }],
  n2: [{ counter: 3, letter: 'c', generation: 0 }],
  copiedFrom: 2,
}

/** One of the old owners, and a later one of the new owners. */
export const OLD_EARLIER: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 0 }],
  n2: [{ counter: 3, letter: 'c', generation: 2 }],
  copiedFrom: 2,
}

/** One of the new owners, and a later one of both groups. */
export const JOINT: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 2 }],
  n2: [{ counter: 3, letter: 'c', generation: 1 }],
  copiedFrom: 2,
}

/** One of both groups, and a later one of the new owners. */
export const JOINT_EARLIER: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 1 }],
  n2: [{ counter: 3, letter: 'c', generation: 2 }],
  copiedFrom: 2,
}

/** One of both groups, and a later one of the old owners. */
export const JOINT_AND_OLD: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 1 }],
  n2: [{ counter: 3, letter: 'c', generation: 0 }],
  copiedFrom: 2,
}

/** Two of the old owners, while the new ones begin. */
export const OLD_TWICE: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 0 }],
  n2: [{ counter: 3, letter: 'c', generation: 0 }],
  copiedFrom: 2,
}

/**
 * A lease of the old owners outlives them. The ballot of n1 lies between the first of n2 and the next, which n2 was
 * promised by the old owners.
 */
export const LEASE: MovingPlan = {
  n1: [{ counter: 2, letter: 'c', generation: 2 }],
  n2: [
    { counter: 1, letter: 'a', generation: 0 },
    { counter: 2, letter: 'b', generation: 0, isLeased: true },
  ],
  copiedFrom: 2,
}
