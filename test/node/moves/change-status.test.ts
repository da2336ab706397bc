/** A change of the members in words: who, and what is going on. */
import { expect, test } from 'vitest'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import type { MemberChange } from '../../../src/core/placement/member-change.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { changeStatus, changeWords } from '../../../src/node/moves/change-status.ts'

const first = firstTopology(
  ['n1', 'n2', 'n3'].map((id) => ({ id, peerUrl: `http://${id}:7080`, zone: 'default' })),
)

function during(change: Pick<MemberChange, 'kind' | 'joining' | 'leaving' | 'phase'>): Topology {
  return {
    ...first,
    epoch: 2,
    change: { ...change, id: 2, isLost: false, other: first.preference, done: [] },
  }
}

test('change status: nothing is told where nothing is under way', () => {
  expect([changeStatus(first), changeWords(first)]).toEqual([null, ''])
})

test.each([
  [{ kind: 'join', joining: 'n6', leaving: null, phase: 'moving' }, /^n6 is joining: .+moved/],
  [{ kind: 'leave', joining: null, leaving: 'n2', phase: 'emptying' }, /^n2 is leaving: n2 is/],
  [
    { kind: 'replace', joining: 'n7', leaving: 'n3', phase: 'releasing' },
    /^n7 is taking the place of n3: .+compared/,
  ],
  [{ kind: 'remove', joining: null, leaving: 'n2', phase: 'moving' }, /^n2 is being removed: /],
] as const)('change status: %j', (change, words) => {
  const topology = during(change)
  expect(changeStatus(topology)).toMatchObject(change)
  expect(changeWords(topology)).toMatch(words)
  expect(changeWords(topology)).toMatch(/\.$/)
})
