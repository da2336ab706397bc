/**
 * Every run of two writes of one key (small-write-model.ts): four small worlds, each looked at whole. Each rule that is left
 * out must come to grief in one of them.
 */
import { describe, expect, it } from 'vitest'
import { exploreWrites, type WriteFlaw, type WritePlan } from './small-write-model.ts'

const STATES_MAX = 100_000

const BLIND: WritePlan = { coordinators: [0, 1], clocks: [10, 20], isSecondSeeing: false }
/** At one owner, which may lose its memory in between. */
const AT_ONE: WritePlan = { coordinators: [0, 0], clocks: [10, 20], isSecondSeeing: false }
const SEEING: WritePlan = { coordinators: [0, 1], clocks: [10, 20], isSecondSeeing: true }
/** The second coordinator's clock is behind what its client has seen. */
const BEHIND: WritePlan = { coordinators: [0, 1], clocks: [20, 10], isSecondSeeing: true }

describe('every run of two writes', () => {
  it.each([
    ['blind', BLIND, 10_000, ['second round', 'acknowledged in round 2', 'siblings read']],
    ['blind, at one owner', AT_ONE, 1000, ['second round']],
    ['of which the second has seen the first', SEEING, 1000, ['acknowledged in round 1']],
    ['of which the second has seen a later clock', BEHIND, 1000, ['acknowledged in round 1']],
  ])('%s keeps what was promised', (_, plan, least, expected) => {
    const { violation, states, met } = exploreWrites(plan, 'none', STATES_MAX)
    expect(violation).toBeUndefined()
    expect(states).toBeGreaterThan(least)
    expect([...met]).toEqual(expect.arrayContaining(expected))
  })

  const flaws: [WriteFlaw, WritePlan, string][] = [
    ['covers what is newer', BLIND, 'is lost'],
    ['makes no second round', BLIND, 'stands beside'],
    ['is acknowledged at one copy', BLIND, 'is lost'],
    ['mints on with its old actor', AT_ONE, 'is lost'],
    ['answers before the disk', BLIND, 'is lost'],
    ['reads without repair', SEEING, 'is lost'],
  ]
  it.each(flaws)('is found broken: %s', (flaw, plan, wrong) => {
    expect(exploreWrites(plan, flaw, STATES_MAX).violation).toContain(wrong)
  })
})
