import { describe, expect, it } from 'vitest'
import { chooseVoters, votersAfter } from '../../../src/core/placement/voters.ts'
import { memberNo } from './change-cluster.ts'

const members = (count: number): ReturnType<typeof memberNo>[] =>
  Array.from({ length: count }, (_, i) => memberNo(i + 1))

describe('voters', () => {
  it('are an odd number of the members, five at most', () => {
    const counts = [1, 2, 3, 4, 5, 6, 7, 64].map((count) => chooseVoters(members(count)).length)
    expect(counts).toEqual([1, 1, 3, 3, 5, 5, 5, 5])
  })

  it('go on as long as they are members, and others fill up', () => {
    expect(votersAfter(['n4', 'n5', 'n6'], members(6))).toEqual(['n4', 'n5', 'n6', 'n1', 'n2'])
    expect(votersAfter(['n2', 'n9'], members(3))).toEqual(['n2', 'n1', 'n3'])
  })

  it('become fewer where so many would be an even number', () => {
    expect(votersAfter(['n1', 'n2', 'n3', 'n4', 'n5'], members(4))).toEqual(['n1', 'n2', 'n3'])
  })

  it('are from the zones that have fewest', () => {
    const zones = ['a', 'a', 'a', 'b', 'c', 'c'].map((zone, i) => memberNo(i + 1, zone))
    expect(chooseVoters(zones)).toEqual(['n1', 'n4', 'n5', 'n2', 'n6'])
    expect(votersAfter(['n2', 'n3'], zones.slice(0, 4))).toEqual(['n2', 'n3', 'n4'])
  })
})
