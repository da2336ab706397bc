/**
 * Worlds whose owners change, each looked at whole (moving-model.ts). Each planted variant of the rules must come to
 * grief in one of them. `npm run soak -- moving-models` looks at larger worlds.
 */
import { describe, expect, it } from 'vitest'
import { exploreMoving } from './moving-model.ts'
import type { MovingFlaw, MovingPlan } from './moving-model-plan.ts'
import { JOINT, LEASE, OLD_LATER } from './moving-plans.ts'

const STATES_MAX = 200_000

describe('every run of a small world whose owners change', () => {
  it.each([
    ['a later proposal of old owners', OLD_LATER, ['decided in 0', 'decided in 2', 'read in 1']],
    ['the same, all copied', { ...OLD_LATER, copiedFrom: 3 } as const, ['decided in 2']],
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
