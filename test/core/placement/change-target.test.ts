import { describe, expect, it } from 'vitest'
import { QuorateError } from '../../../src/core/errors.ts'
import { beginChange } from '../../../src/core/placement/change-steps.ts'
import { type ChangeRequest, changeTarget } from '../../../src/core/placement/change-target.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { memberNo, topologyOf } from './change-cluster.ts'

const three = topologyOf(3)
const at = (number: number, host: string): ReturnType<typeof memberNo> => ({
  ...memberNo(number),
  peerUrl: `http://${host}:7080`,
})

function refusalOf(topology: Topology, request: ChangeRequest): { code: string; words: string } {
  try {
    changeTarget(topology, request)
  } catch (error) {
    if (error instanceof QuorateError) return { code: error.code, words: error.message }
    throw error
  }
  return { code: 'none', words: '' }
}

describe('the target of a change', () => {
  it.each<[what: string, topology: Topology, request: ChangeRequest, words: string]>([
    [
      'a leave of a stranger',
      three,
      { kind: 'leave', node: 'n9' },
      'n9 is not a member; the members are n1, n2, n3',
    ],
    ['a remove of a stranger', three, { kind: 'remove', node: 'n9' }, 'n9 is not a member'],
    [
      'a replacement of a stranger',
      three,
      { kind: 'replace', old: 'n9', member: memberNo(4), isLost: false },
      'n9 is not a member',
    ],
    [
      'a join of an id that is taken',
      three,
      { kind: 'join', member: at(2, 'x') },
      'n2 is a member already, at http://n2:7080',
    ],
    [
      'a join at an address that is taken',
      three,
      { kind: 'join', member: at(4, 'n2') },
      'http://n2:7080 is the address of n2',
    ],
    [
      'a replacement by a member at another address',
      topologyOf(5),
      { kind: 'replace', old: 'n1', member: at(2, 'x'), isLost: false },
      'n2 is a member already, at http://n2:7080, not at http://x:7080',
    ],
    [
      'a replacement of a node by itself',
      three,
      { kind: 'replace', old: 'n2', member: memberNo(2), isLost: true },
      'n2 cannot be replaced by itself',
    ],
    [
      'a leave of the last',
      topologyOf(1, [1]),
      { kind: 'leave', node: 'n1' },
      'n1 is the last member',
    ],
    [
      'a leave below the copies of a bucket',
      three,
      { kind: 'leave', node: 'n1' },
      'the bucket b3 keeps 3 copies, and only 2 members would be left',
    ],
    [
      'a replacement by a member below the copies of a bucket',
      three,
      { kind: 'replace', old: 'n1', member: memberNo(2), isLost: false },
      'the bucket b3 keeps 3 copies',
    ],
    [
      'a leave that leaves one member to two copies',
      topologyOf(2, [1, 2]),
      { kind: 'leave', node: 'n1' },
      'the bucket b2 keeps 2 copies, and only one member would be left',
    ],
    [
      'a 65th member',
      topologyOf(64, [3]),
      { kind: 'join', member: memberNo(65) },
      'there are 64 members',
    ],
  ])('refuses %s', (_what, topology, request, words) => {
    const refusal = refusalOf(topology, request)
    expect(refusal.code).toBe('change_refused')
    expect(refusal.words).toContain(words)
  })

  it('refuses a second change, and says which is under way, and how far it is', () => {
    const moving = beginChange(three, { kind: 'join', member: memberNo(4) })
    const refusal = refusalOf(moving, { kind: 'leave', node: 'n1' })
    expect(refusal.code).toBe('change_under_way')
    expect(refusal.words).toContain('the join of n4 is under way (moving)')
  })
})
