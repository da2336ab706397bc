import { expect, it } from 'vitest'
import { beginChange } from '../../../src/core/placement/change-steps.ts'
import type { MemberChange } from '../../../src/core/placement/member-change.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { checkTopology } from '../../../src/core/placement/topology-check.ts'
import { memberNo, topologyOf } from './change-cluster.ts'

const three = topologyOf(3)
const moving = beginChange(three, { kind: 'join', member: memberNo(4) })
const change = moving.change as MemberChange
const [first = [], ...others] = three.preference

it('the check of a topology takes documents of each kind', () => {
  expect(() => checkTopology(three)).not.toThrow()
  expect(() => checkTopology(moving)).not.toThrow()
})

it.each<[what: string, topology: Topology, words: RegExp]>([
  ['a member twice', { ...three, members: [memberNo(1), memberNo(1), memberNo(3)] }, /there once/],
  ['a placement of later', { ...three, placementVersion: 2 }, /not newer/],
  ['no voter', { ...three, voters: [] }, /there are voters/],
  ['a voter twice', { ...three, voters: ['n1', 'n1', 'n2'] }, /voter is there once/],
  ['a stranger who votes', { ...three, voters: ['n9'] }, /voters are members/],
  ['a list too few', { ...three, preference: others }, /a list for each/],
  ['a short list', { ...three, preference: [first.slice(1), ...others] }, /each member once/],
  [
    'a member twice in a list',
    { ...three, preference: [[0, 0, 1], ...others] },
    /each member once/,
  ],
  ['an index of nobody', { ...three, preference: [[0, 1, 3], ...others] }, /each member once/],
  ['another form of the other', { ...moving, change: { ...change, other: [] } }, /a list for each/],
  ['a stranger who is done', { ...moving, change: { ...change, done: ['n9'] } }, /only members/],
  ['a stranger who joins', { ...moving, change: { ...change, joining: 'n9' } }, /n9 is a member/],
])('the check of a topology refuses %s', (_what, topology, words) => {
  expect(() => checkTopology(topology)).toThrow(words)
})
