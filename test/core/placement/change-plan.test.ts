import { describe, expect, it } from 'vitest'
import { beginChange } from '../../../src/core/placement/change-steps.ts'
import { planChange } from '../../../src/core/placement/change-plan.ts'
import type { ChangeRequest } from '../../../src/core/placement/change-target.ts'
import { movedOwners } from '../../../src/core/placement/placement-plan.ts'
import { PARTITION_COUNT, type Topology } from '../../../src/core/placement/topology.ts'
import { afterChange, memberNo, topologyOf } from './change-cluster.ts'

const five = topologyOf(5)

function ownedByWidest({ members, preference }: Topology): Record<string, number> {
  return Object.fromEntries(
    members.map(({ id }, index) => [
      id,
      preference.filter((list) => list.slice(0, 3).includes(index)).length,
    ]),
  )
}

describe('the plan of a change', () => {
  it.each<[ChangeRequest]>([
    [{ kind: 'join', member: memberNo(6) }],
    [{ kind: 'leave', node: 'n2' }],
    [{ kind: 'remove', node: 'n4' }],
    [{ kind: 'replace', old: 'n1', member: memberNo(6), isLost: false }],
    [{ kind: 'replace', old: 'n1', member: memberNo(3), isLost: true }],
  ])('is what the change then does: %j', (request) => {
    const plan = planChange(five, request)
    const begun = beginChange(five, request)
    for (const n of [1, 2, 3]) {
      const made = movedOwners(begun.preference, begun.change?.other ?? [], n)
      const planned = plan.moves.filter(({ copies }) => copies === n)
      expect(planned.map(({ partition, to }) => ({ partition, to }))).toEqual(
        made.map(({ partition, to }) => ({ partition, to: begun.members[to]?.id })),
      )
      for (const { partition, from } of planned) {
        const before = begun.preference[partition]?.slice(0, n) ?? []
        const after = begun.change?.other[partition]?.slice(0, n) ?? []
        const index = begun.members.findIndex(({ id }) => id === from)
        expect([before.includes(index), after.includes(index)]).toEqual([true, false])
      }
    }
    expect(plan.before).toEqual(ownedByWidest(five))
    expect(plan.after).toEqual(ownedByWidest(afterChange(begun)))
  })

  it('of a leave copies exactly the partitions of the leaver', () => {
    const { moves } = planChange(five, { kind: 'leave', node: 'n2' })
    expect(moves.every(({ from }) => from === 'n2')).toBe(true)
    const index = 1
    const owned = [1, 2, 3].flatMap((n) =>
      five.preference.filter((list) => list.slice(0, n).includes(index)),
    )
    expect(moves).toHaveLength(owned.length)
  })

  it('warns of copies that are lost with a lost node', () => {
    const { warnings } = planChange(five, { kind: 'remove', node: 'n2' })
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /b1 keeps one copy: the keys that n2 owned, in \d+ data partitions, are lost/,
      ),
    )
    expect(warnings).toContainEqual(
      expect.stringMatching(/b2 keeps two copies: \d+ data partitions will have a single copy/),
    )
    expect(warnings.join()).not.toContain('b3')
    expect(planChange(five, { kind: 'leave', node: 'n2' }).warnings.join()).not.toContain('keeps')
  })

  it('warns of fewer zones, and of changed voters', () => {
    const { warnings } = planChange(five, { kind: 'leave', node: 'n5' })
    expect(warnings).toContain('The members will be in fewer zones: 4 instead of 5.')
    expect(warnings).toContain('The voters will be n1, n2, n3 instead of n1, n2, n3, n4, n5.')
    expect(planChange(five, { kind: 'join', member: memberNo(6) }).warnings).toEqual([])
  })

  it('warns if all owners of a partition would be in one zone', () => {
    const warned = /^The owners of \d+ data partitions will be in fewer zones than now\.$/
    const request = (zone: string): ChangeRequest => ({
      kind: 'replace',
      old: 'n2',
      member: memberNo(6, zone),
      isLost: false,
    })
    expect(planChange(five, request('z1')).warnings).toContainEqual(expect.stringMatching(warned))
    expect(planChange(five, request('z2')).warnings.join()).not.toContain('fewer zones')
  })

  it('of a join of a second node gives it half of the partitions', () => {
    const one = topologyOf(1, [1])
    const { moves } = planChange(one, { kind: 'join', member: memberNo(2) })
    expect(moves).toHaveLength(PARTITION_COUNT / 2)
    expect(moves.every(({ from, to }) => from === 'n1' && to === 'n2')).toBe(true)
  })

  it('is refused for the same reasons as the change', () => {
    expect(() => planChange(five, { kind: 'leave', node: 'n9' })).toThrow('n9 is not a member')
    const begun = beginChange(five, { kind: 'leave', node: 'n1' })
    expect(() => planChange(begun, { kind: 'leave', node: 'n2' })).toThrow('leave of n1')
    expect(planChange(begun, { kind: 'leave', node: 'n1' })).toEqual(
      planChange(five, { kind: 'leave', node: 'n1' }),
    )
  })
})
