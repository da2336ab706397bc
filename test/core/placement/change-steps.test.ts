import { describe, expect, it } from 'vitest'
import {
  afterPhase,
  beginChange,
  cancelChange,
  gainedPartitions,
  isMade,
  isUnderWay,
  reportDone,
  waitingFor,
} from '../../../src/core/placement/change-steps.ts'
import type { ChangeRequest } from '../../../src/core/placement/change-target.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { afterChange, memberNo, topologyOf } from './change-cluster.ts'

const five = topologyOf(5)
const join: ChangeRequest = { kind: 'join', member: memberNo(6) }
const leave: ChangeRequest = { kind: 'leave', node: 'n2' }
const replaceBy = (member = memberNo(6), isLost = false): ChangeRequest => ({
  kind: 'replace',
  old: 'n2',
  member,
  isLost,
})

const placeOf = ({ placementVersion }: Topology) => ({ placementVersion })

describe('a change of the members', () => {
  it('join: the newcomer gains copies, the old owners release them, and the change ends', () => {
    const moving = beginChange(five, join)
    expect(moving).toMatchObject({
      epoch: 2,
      placementVersion: 2,
      change: { id: 2, kind: 'join', joining: 'n6', leaving: null, isLost: false, done: [] },
    })
    expect(moving.members.map(({ id }) => id)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5', 'n6'])
    expect(
      moving.preference.every((list, i) => list.slice(0, 5).join() === five.preference[i]?.join()),
    ).toBe(true)
    expect(waitingFor(moving)).toEqual(['n6'])
    expect(gainedPartitions(moving, 'n6').length).toBeGreaterThan(0)
    const releasing = afterPhase(moving)
    expect(releasing).toMatchObject({
      epoch: 3,
      placementVersion: 3,
      change: { id: 2, phase: 'releasing', done: [] },
    })
    expect(releasing.preference).toEqual(moving.change?.other)
    expect(releasing.change?.other).toEqual(moving.preference)
    expect(waitingFor(releasing)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5'])
    expect(gainedPartitions(releasing, 'n6')).toEqual([])
    const end = afterPhase(releasing)
    expect(end.change).toBeUndefined()
    expect(end).toMatchObject({ epoch: 8, placementVersion: 3, members: moving.members })
    expect(end.voters).toEqual(five.voters)
  })

  it('leave: the change waits for the leaver at the end, and the leaver is then no member', () => {
    const emptying = afterPhase(afterPhase(beginChange(five, leave)))
    expect(emptying.change).toMatchObject({ phase: 'emptying', other: [], done: [] })
    expect(waitingFor(emptying)).toEqual(['n2'])
    const end = afterPhase(emptying)
    expect(end.change).toBeUndefined()
    expect(end.members.map(({ id }) => id)).toEqual(['n1', 'n3', 'n4', 'n5'])
    expect(end.placementVersion).toBe(emptying.placementVersion)
    const named = (topology: typeof end): string[][] =>
      topology.preference.map((list) => list.map((i) => topology.members[i]?.id as string))
    expect(named(end)).toEqual(named(emptying).map((list) => list.filter((id) => id !== 'n2')))
    expect(end.voters).toEqual(['n1', 'n3', 'n4'])
  })

  it('remove: the change never waits for the lost node, and ends when its copies are made', () => {
    const moving = beginChange(five, { kind: 'remove', node: 'n2' })
    expect(moving.change).toMatchObject({ leaving: 'n2', isLost: true })
    expect(waitingFor(moving)).not.toContain('n2')
    const switched = afterPhase(moving)
    expect(waitingFor(switched)).not.toContain('n2')
    const end = afterChange(moving)
    expect(end.change).toBeUndefined()
    expect(end.members.map(({ id }) => id)).not.toContain('n2')
  })

  it('replace by a newcomer: it takes exactly the places of the old node', () => {
    const end = afterChange(beginChange(five, replaceBy()))
    const named = end.preference.map((list) => list.map((i) => end.members[i]?.id))
    const before = five.preference.map((list) => list.map((i) => five.members[i]?.id))
    expect(named).toEqual(before.map((list) => list.map((id) => (id === 'n2' ? 'n6' : id))))
    expect(end.voters).toContain('n6')
    expect(end.voters).toHaveLength(5)
  })

  it('replace by a member: nobody joins, and it owns no more than the others', () => {
    const moving = beginChange(five, replaceBy(memberNo(3)))
    expect(moving.change).toMatchObject({ joining: null, leaving: 'n2' })
    const end = afterChange(moving)
    const load = end.members.map(
      (_, index) => end.preference.filter((list) => list.slice(0, 3).includes(index)).length,
    )
    expect(Math.max(...load) - Math.min(...load)).toBeLessThanOrEqual(2)
  })

  it('without copies skips to the next phase in which a node has work', () => {
    const bare = { ...topologyOf(4), buckets: [] }
    expect(beginChange(bare, { kind: 'join', member: memberNo(5) }).change).toBeUndefined()
    const leaving = beginChange(bare, { kind: 'leave', node: 'n4' })
    expect(leaving).toMatchObject({ epoch: 2, placementVersion: 2, change: { phase: 'emptying' } })
  })

  it('can be cancelled while its copies move, but not later', () => {
    const moving = beginChange(five, join)
    const emptying = cancelChange(moving)
    expect(emptying.preference.every((list) => list.at(-1) === 5)).toBe(true)
    expect(waitingFor(emptying)).toEqual(['n6'])
    expect(afterChange(emptying)).toEqual({ ...five, epoch: 4, placementVersion: 3 })
    expect(cancelChange(beginChange(five, leave))).toEqual({
      ...five,
      epoch: 3,
      placementVersion: 3,
    })
    expect(() => cancelChange(afterPhase(moving))).toThrow('the join of n6 cannot be undone')
    expect(() => cancelChange(five)).toThrow('no change of the members is under way')
  })

  it('stops waiting for a releasing node that is lost, and then removes it', () => {
    const remove: ChangeRequest = { kind: 'remove', node: 'n3' }
    const lost = beginChange(afterPhase(beginChange(five, join)), remove)
    expect(lost.change).toMatchObject({ kind: 'join', phase: 'releasing', done: [] })
    expect(lost).toMatchObject({ epoch: 4, placementVersion: 3, lost: ['n3'] })
    expect(waitingFor(lost)).toEqual(['n1', 'n2', 'n4', 'n5'])
    expect(isUnderWay(lost, remove)).toBe(true)
    expect(() => beginChange(lost, remove)).toThrow('the join of n6 is under way')
    const removing = afterPhase(lost)
    expect(removing.change).toMatchObject({
      id: removing.epoch,
      kind: 'remove',
      leaving: 'n3',
      isLost: true,
      phase: 'moving',
    })
    expect(removing).toMatchObject({ placementVersion: removing.epoch })
    expect(removing.lost).toBeUndefined()
    const end = afterChange(removing)
    expect(end.members.map(({ id }) => id)).toEqual(['n1', 'n2', 'n4', 'n5', 'n6'])
  })

  it('gives the copies that a lost node was to take over to others, who keep theirs', () => {
    const moving = beginChange(five, leave)
    const [first, ...others] = waitingFor(moving) as [string, ...string[]]
    const begun = reportDone(moving, 2, 'moving', first) as typeof moving
    const lost = beginChange(begun, { kind: 'remove', node: first })
    expect(lost).toMatchObject({ epoch: 4, placementVersion: 4, lost: [first] })
    expect(lost.change).toMatchObject({ id: 2, kind: 'leave', phase: 'moving' })
    expect(waitingFor(lost)).toEqual(others)
    for (const node of others) {
      const before = gainedPartitions(moving, node)
      expect(gainedPartitions(lost, node)).toEqual(expect.arrayContaining(before))
    }
    expect(gainedPartitions(lost, first)).toEqual([])
    const end = afterChange(afterChange(lost))
    expect(end.members.map(({ id }) => id)).toEqual(others)
  })

  it('removes two lost nodes, of which neither waits for the other', () => {
    const lost = ['n4', 'n5'].reduce(
      (now, node) => beginChange(now, { kind: 'remove', node }),
      five,
    )
    expect(lost.change).toMatchObject({ leaving: 'n4', isLost: true })
    expect(waitingFor(lost)).not.toContain('n5')
    const second = afterChange(lost)
    expect(second.change).toBeUndefined()
    expect(second.members.map(({ id }) => id)).toEqual(['n1', 'n2', 'n3'])
  })

  it('removes a lost node once enough members are left for the copies', () => {
    const remove: ChangeRequest = { kind: 'remove', node: 'n3' }
    const joining = beginChange(topologyOf(3), { kind: 'join', member: memberNo(4) })
    const lost = beginChange(joining, remove)
    const end = afterChange(cancelChange(lost))
    expect(end).toMatchObject({ lost: ['n3'] })
    expect(end.change).toBeUndefined()
    expect(isUnderWay(end, remove)).toBe(false)
    expect(() => beginChange(end, remove)).toThrow(
      'the bucket b3 keeps 3 copies, and only 2 members would be left',
    )
    const joined = afterChange(beginChange(end, { kind: 'join', member: memberNo(5) }))
    expect(joined.members.map(({ id }) => id)).toEqual(['n1', 'n2', 'n5'])
    expect(joined.lost).toBeUndefined()
    expect(cancelChange(end)).toEqual({ ...topologyOf(3), ...placeOf(end), epoch: end.epoch + 1 })
  })

  it('does not call a stranger lost, nor every member', () => {
    const joining = beginChange(topologyOf(1, [1]), { kind: 'join', member: memberNo(2) })
    const releasing = afterPhase(joining)
    expect(() => beginChange(releasing, { kind: 'remove', node: 'n9' })).toThrow('not a member')
    const lost = beginChange(releasing, { kind: 'remove', node: 'n2' })
    expect(() => beginChange(lost, { kind: 'remove', node: 'n1' })).toThrow('is the last member')
  })

  it('goes on to the removal of a lost node when it is cancelled', () => {
    const lost = beginChange(beginChange(five, leave), { kind: 'remove', node: 'n3' })
    const removing = cancelChange(lost)
    expect(removing.change).toMatchObject({ kind: 'remove', leaving: 'n3', isLost: true })
    expect(removing.members).toHaveLength(5)
    expect(afterChange(removing).members.map(({ id }) => id)).toEqual(['n1', 'n2', 'n4', 'n5'])
  })

  it('accepts one report from each node that has work in the phase, and no other report', () => {
    const moving = beginChange(five, leave)
    const [first, second] = waitingFor(moving) as [string, string]
    expect(reportDone(moving, 1, 'moving', first)).toBeUndefined()
    expect(reportDone(moving, 2, 'releasing', first)).toBeUndefined()
    expect(reportDone(moving, 2, 'moving', 'n2')).toBeUndefined()
    expect(reportDone(moving, 2, 'moving', 'n9')).toBeUndefined()
    expect(reportDone(five, 2, 'moving', first)).toBeUndefined()
    const next = reportDone(moving, 2, 'moving', first)
    expect(next).toMatchObject({
      epoch: 3,
      placementVersion: 2,
      change: { done: [first], phase: 'moving' },
    })
    expect(next && reportDone(next, 2, 'moving', first)).toBeUndefined()
    expect(next && waitingFor(next)).toContain(second)
  })
})

describe('a repeated request for a change', () => {
  it('finds the change under way if both are identical', () => {
    const joining = beginChange(five, join)
    expect(isUnderWay(joining, join)).toBe(true)
    const elsewhere = { ...memberNo(6), peerUrl: 'http://other:7080' }
    expect(isUnderWay(joining, { kind: 'join', member: elsewhere })).toBe(false)
    expect(isUnderWay(joining, replaceBy())).toBe(false)
    expect(isUnderWay(beginChange(five, leave), leave)).toBe(true)
    expect(isUnderWay(beginChange(five, leave), { kind: 'remove', node: 'n2' })).toBe(false)
    expect(isUnderWay(five, leave)).toBe(false)
    const replacing = beginChange(five, replaceBy())
    expect(isUnderWay(replacing, replaceBy())).toBe(true)
    expect(isUnderWay(replacing, replaceBy(memberNo(6), true))).toBe(false)
    expect(isUnderWay(replacing, replaceBy(memberNo(7)))).toBe(false)
    const byMember = beginChange(five, replaceBy(memberNo(3)))
    expect(isUnderWay(byMember, replaceBy(memberNo(3)))).toBe(true)
    expect(isUnderWay(byMember, replaceBy(memberNo(7)))).toBe(false)
  })

  it.each<[ChangeRequest]>([[join], [leave], [replaceBy()], [{ kind: 'remove', node: 'n2' }]])(
    'is found made when it is over, and not before: %j',
    (request) => {
      const moving = beginChange(five, request)
      expect([isMade(five, request), isMade(moving, request)]).toEqual([false, false])
      expect(isMade(afterPhase(moving), request)).toBe(false)
      const end = afterChange(moving)
      // A leave that is over cannot be told from a name that never was.
      const canTell = request.kind === 'join' || request.kind === 'replace'
      expect(isMade(end, request)).toBe(canTell)
      const other = beginChange(end, { kind: 'join', member: memberNo(8) })
      expect(isMade(other, request)).toBe(canTell)
    },
  )

  it('is refused if a member with that id has another address', () => {
    const elsewhere = { ...memberNo(3), peerUrl: 'http://other:7080' }
    expect(isMade(five, { kind: 'join', member: memberNo(3) })).toBe(true)
    expect(isMade(five, { kind: 'join', member: elsewhere })).toBe(false)
  })
})
