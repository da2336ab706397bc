/** Worlds whose owners change, each looked at whole. test/core/consensus/moving-model.test.ts looks at smaller ones. */
import { expect, test } from 'vitest'
import { exploreMoving } from '../core/consensus/moving-model.ts'
import {
  JOINT,
  JOINT_AND_OLD,
  JOINT_EARLIER,
  OLD_EARLIER,
  OLD_TWICE,
} from '../core/consensus/moving-plans.ts'

const STATES_MAX = 1_000_000

test.each([
  ['old, new', OLD_EARLIER, ['decided in 0', 'decided in 2', 'read in 2']],
  ['new, joint', JOINT, ['decided in 1', 'decided in 2', 'read in 1', 'read in 2']],
  ['joint, new', JOINT_EARLIER, ['decided in 1', 'decided in 2', 'read in 2']],
  ['joint, old', JOINT_AND_OLD, ['decided in 0', 'decided in 1', 'read in 1']],
  ['old, old', OLD_TWICE, ['decided in 0', 'read in 0']],
])('every run of a world with the proposals %s has one history', (name, plan, expected) => {
  const { violation, states, met } = exploreMoving(plan, 'none', STATES_MAX)
  console.info(`${name}: ${states} worlds`)
  expect(violation).toBeUndefined()
  expect(states).toBeGreaterThan(50_000)
  expect([...met]).toEqual(expect.arrayContaining(expected))
})
