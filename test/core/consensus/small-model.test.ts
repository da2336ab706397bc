/**
 * Two worlds, each looked at whole (small-model.ts): 105 000 states with readers, 52 000 with a lease. Each planted
 * variant of the rules must come to grief in one of them.
 */
import { describe, expect, it } from 'vitest'
import type { ModelFlaw, ModelPlan } from './small-model-plan.ts'
import { explore } from './small-model.ts'

const STATES_MAX = 250_000

/** Each proposes a change; readers all the while. */
const READERS: ModelPlan = {
  n1: [{ counter: 1, letter: 'a' }],
  n2: [{ counter: 3, letter: 'c' }],
  hasReaders: true,
}
/** n1 goes on, under a lease or not; the ballot of n2 lies between that of n1 and the next, which it was promised. */
const LEASE: ModelPlan = {
  n1: [
    { counter: 1, letter: 'a' },
    { counter: 3, letter: 'b' },
  ],
  n2: [{ counter: 1, letter: 'c' }],
  hasReaders: false,
}

describe('every run of a small world', () => {
  it.each([
    ['readers', READERS, ['decided', 'conflict unknown', 'fast read of 2']],
    ['a lease', LEASE, ['decided', 'conflict rejected', 'lease']],
  ])('with %s has one history', (_, plan, expected) => {
    const { violation, states, met } = explore(plan, 'none', STATES_MAX)
    expect(violation).toBeUndefined()
    expect(states).toBeGreaterThan(50_000)
    expect([...met]).toEqual(expect.arrayContaining(expected))
  })

  const flaws: [ModelFlaw, ModelPlan][] = [
    ['accept below promise', READERS],
    ['promise forgotten at a crash', READERS],
    ['settled below the next ballot', LEASE],
    ['lease without the implied promise', LEASE],
    ['repaired copy is settled', READERS],
    ['repaired copy is accepted', READERS],
    ['fast read of one copy', READERS],
  ]
  it.each(flaws)('is found broken: %s', (flaw, plan) => {
    expect(explore(plan, flaw, STATES_MAX).violation).toMatch(/two histories|went back|rejected/)
  })
})
