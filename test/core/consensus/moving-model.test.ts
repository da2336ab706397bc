/**
 * Worlds whose owners change, each looked at whole (moving-model.ts): a proposal of the old owners meets one of the new
 * ones, with the higher ballot on either side; one of the joint generation meets one of the new; a lease of the old
 * generation outlives it. Each planted variant of the rules must come to grief in one of them. Looked at once, by hand,
 * with the same end: two proposals of the old owners (406 000 worlds), of joint and old (244 000), of joint and new with
 * the ballots the other way (238 000).
 */
import { describe, expect, it } from 'vitest'
import { exploreMoving } from './moving-model.ts'
import type { MovingFlaw, MovingPlan } from './moving-model-plan.ts'

const STATES_MAX = 200_000

/** The proposal of the old owners is the later one. */
const OLD_LATER: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 2 }],
  n2: [{ counter: 3, letter: 'c', generation: 0 }],
  copiedFrom: 2,
}
const OLD_EARLIER: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 0 }],
  n2: [{ counter: 3, letter: 'c', generation: 2 }],
  copiedFrom: 2,
}
const JOINT: MovingPlan = {
  n1: [{ counter: 1, letter: 'a', generation: 2 }],
  n2: [{ counter: 3, letter: 'c', generation: 1 }],
  copiedFrom: 2,
}
/** The ballot of n1 lies between the first of n2 and the next, which n2 was promised by the old owners. */
const LEASE: MovingPlan = {
  n1: [{ counter: 2, letter: 'c', generation: 2 }],
  n2: [
    { counter: 1, letter: 'a', generation: 0 },
    { counter: 2, letter: 'b', generation: 0, isLeased: true },
  ],
  copiedFrom: 2,
}

describe('every run of a small world whose owners change', () => {
  it.each([
    ['a later proposal of old owners', OLD_LATER, ['decided in 0', 'decided in 2', 'read in 1']],
    ['the same, all copied', { ...OLD_LATER, copiedFrom: 3 } as const, ['decided in 2']],
    ['an earlier one', OLD_EARLIER, ['decided in 0', 'decided in 2', 'read in 2']],
    ['a joint one', JOINT, ['decided in 1', 'decided in 2', 'read in 1', 'read in 2']],
    ['a lease of old owners', LEASE, ['lease', 'decided in 2']],
  ])('with %s has one history', (_, plan, expected) => {
    const { violation, states, met } = exploreMoving(plan, 'none', STATES_MAX)
    expect(violation).toBeUndefined()
    expect(states).toBeGreaterThan(5000)
    expect([...met]).toEqual(expect.arrayContaining(expected))
  })

  const flaws: [MovingFlaw, MovingPlan][] = [
    ['generation not checked', OLD_LATER],
    ['attempt outlives its generation', OLD_LATER],
    ['read outlives its generation', OLD_LATER],
    ['old owners alone decide in the joint generation', JOINT],
    ['new owners alone decide in the joint generation', JOINT],
    ['nothing copied', OLD_LATER],
    ['too little copied', OLD_LATER],
    ['copied too early', OLD_LATER],
    ['no floor', OLD_LATER],
    ['leftovers dropped late', JOINT],
    ['generation forgotten at a crash', OLD_LATER],
  ]
  it.each(flaws)('is found broken: %s', (flaw, plan) => {
    const { violation } = exploreMoving(plan, flaw, STATES_MAX)
    expect(violation).toMatch(/two histories|went back|rejected/)
  })
})
