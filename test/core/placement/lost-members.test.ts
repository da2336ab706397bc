import { describe, expect, it } from 'vitest'
import { planChange } from '../../../src/core/placement/change-plan.ts'
import {
  afterChange,
  afterPhase,
  beginChange,
  cancelChange,
  isUnderWay,
  reportDone,
  waitingFor,
} from '../../../src/core/placement/change-steps.ts'
import type { ChangeRequest } from '../../../src/core/placement/change-target.ts'
import type { MemberChange } from '../../../src/core/placement/member-change.ts'
import { checkTopology } from '../../../src/core/placement/topology-check.ts'
import { memberNo, topologyOf } from './change-cluster.ts'

const remove = (node: string): ChangeRequest => ({ kind: 'remove', node })

describe('lost members', () => {
  it('do not become voters', () => {
    const first = beginChange(beginChange(topologyOf(7), remove('n5')), remove('n6'))
    let second = first
    while (second.change?.leaving === 'n5') second = afterPhase(second)
    expect(second.change).toMatchObject({ leaving: 'n6', isLost: true })
    expect(second.voters).toEqual(['n1', 'n2', 'n3', 'n4', 'n7'])
  })

  it.each(['moving', 'releasing'])(
    'hold up no change that is %s, although too few are left to remove them',
    (phase) => {
      // Each key has five copies, of which three survive, and three of the five voters.
      const joining = beginChange(topologyOf(5, [5]), { kind: 'join', member: memberNo(6) })
      const now = phase === 'moving' ? joining : afterPhase(joining)
      const lost = beginChange(beginChange(now, remove('n5')), remove('n4'))
      expect(lost).toMatchObject({ lost: ['n5', 'n4'], change: { phase } })
      expect(waitingFor(lost)).not.toContain('n4')
    },
  )

  it('take no place of another member', () => {
    const joining = beginChange(topologyOf(3), { kind: 'join', member: memberNo(4) })
    const left = afterChange(cancelChange(beginChange(joining, remove('n3'))))
    expect(left.lost).toEqual(['n3'])
    const member = memberNo(3)
    expect(() => beginChange(left, { kind: 'replace', old: 'n1', member, isLost: false })).toThrow(
      'n3 is lost',
    )
  })

  it('can be planned to be removed whenever they can be removed', () => {
    const joining = beginChange(topologyOf(3), { kind: 'join', member: memberNo(4) })
    expect(planChange(joining, remove('n3'))).toMatchObject({ kind: 'remove' })
    expect(() => planChange(joining, { kind: 'leave', node: 'n3' })).toThrow('under way')
    const lost = beginChange(joining, remove('n3'))
    const [second, again] = ['n2', 'n3'].map((node) => planChange(lost, remove(node)))
    expect(again).toEqual(planChange(joining, remove('n3')))
    // n2 would be removed after n3, and then two members would be left, which are too few for three copies.
    expect(second).toMatchObject({ moves: [] })
    expect(second?.warnings).toEqual([
      'n2 will be removed as soon as there are enough other members.',
    ])
    expect(planChange(joining, remove('n4'))).toMatchObject({ moves: [] })
    // As a member of an earlier version may leave it.
    const change = { ...(joining.change as MemberChange), done: waitingFor(joining) }
    expect(planChange({ ...joining, change }, remove('n3'))).toMatchObject({ kind: 'remove' })
  })
})

describe('documents of a member of the version before lost members were told', () => {
  const releasing = afterPhase(beginChange(topologyOf(5), { kind: 'join', member: memberNo(6) }))
  const { change: _, ...ended } = beginChange(releasing, remove('n6'))

  it('let the removal begin after the change has ended', () => {
    expect(isUnderWay(ended, remove('n6'))).toBe(false)
    expect(beginChange(ended, remove('n6')).lost).toBeUndefined()
  })

  it('are valid if they begin the removal, and keep the field that they do not know', () => {
    const removing = { ...beginChange(ended, remove('n6')), lost: ['n6'] }
    checkTopology(removing)
    const [node = ''] = waitingFor(removing)
    expect(reportDone(removing, removing.change?.id ?? 0, 'moving', node)).toBeDefined()
  })
})
