/** The first placement: balanced, in distinct zones, and the same on every node. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../src/core/placement/first-topology.ts'
import { movedOwners, placePartitions } from '../../src/core/placement/placement-plan.ts'
import { type Member, PARTITION_COUNT } from '../../src/core/placement/topology.ts'

const RUNS = { numRuns: 100, seed: 20_261_123 }

function members(count: number, zones = 1): Member[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `n${i + 1}`,
    peerUrl: `http://n${i + 1}:7080`,
    zone: zones === 1 ? '' : `z${i % zones}`,
  }))
}

function loads(lists: readonly (readonly number[])[], count: number, n: number): number[] {
  const load = Array.from({ length: count }, () => 0)
  for (const list of lists) for (const i of list.slice(0, n)) load[i] = (load[i] as number) + 1
  return load
}

/** Within 10 % of the mean, or the nearest whole number of partitions where 10 % is less than one. */
function expectBalanced(load: readonly number[]): void {
  const mean = load.reduce((sum, x) => sum + x, 0) / load.length
  for (const x of load) {
    expect(x).toBeGreaterThanOrEqual(Math.floor(mean * 0.9))
    expect(x).toBeLessThanOrEqual(Math.ceil(mean * 1.1))
  }
}

describe('placement', () => {
  it('is balanced within 10 % for 1 to 20 members and any n up to 5', () => {
    for (let count = 1; count <= 20; count++) {
      const lists = placePartitions(members(count))
      for (let n = 1; n <= Math.min(5, count); n++) expectBalanced(loads(lists, count, n))
    }
  })

  it('lists every member once in each data partition', () => {
    for (const list of placePartitions(members(7))) {
      expect([...list].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
    }
  })

  it('keeps the owners in distinct zones while there are zones left', () => {
    for (const [count, zones] of [
      [6, 3],
      [5, 3],
      [9, 3],
      [7, 4],
    ] as const) {
      const all = members(count, zones)
      for (const list of placePartitions(all)) {
        expect(new Set(list.slice(0, 3).map((i) => all[i]?.zone)).size).toBe(3)
      }
    }
  })

  it('does not depend on the order in which the members are configured', () => {
    const all = members(6, 2)
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 6 }), (shuffled) => {
        expect(firstTopology(shuffled)).toEqual(firstTopology(all))
      }),
      RUNS,
    )
  })

  it('moves little more than the share of a member that is added, and nothing between old ones', () => {
    for (let count = 3; count <= 12; count++) {
      const before = placePartitions(members(count))
      const after = placePartitions(members(count + 1), before)
      const moved = movedOwners(before, after, 3)
      const share = (3 * PARTITION_COUNT) / (count + 1)
      expect(moved.every(({ to }) => to === count)).toBe(true)
      expect(moved.length).toBeLessThanOrEqual(Math.ceil(share * 1.1))
      expectBalanced(loads(after, count + 1, 3))
    }
  })

  it('keeps the owners in as many zones as there were when a member is added', () => {
    for (const [count, zones] of [
      [3, 3],
      [5, 3],
      [6, 3],
      [4, 2],
      [5, 2],
      [7, 4],
    ] as const) {
      const all = members(count + 1, zones)
      const before = placePartitions(all.slice(0, count))
      const after = placePartitions(all, before)
      for (const n of [1, 2, 3]) {
        const zonesOf = (list: readonly number[]): number =>
          new Set(list.slice(0, n).map((i) => all[i]?.zone)).size
        after.forEach((list, partition) => {
          expect(zonesOf(list)).toBeGreaterThanOrEqual(zonesOf(before[partition] as number[]))
        })
      }
      const added = loads(after, count + 1, 3)[count] as number
      expect(added).toBeGreaterThan(0)
      expect(added).toBeLessThanOrEqual(Math.max(...loads(after, count + 1, 3).slice(0, count)))
      expect(movedOwners(before, after, 3).every(({ to }) => to === count)).toBe(true)
    }
  })

  it('refuses no members, and one id twice', () => {
    expect(() => firstTopology([])).toThrow(/has members/)
    expect(() => firstTopology([...members(3), ...members(1)])).toThrow(/n1 is there once/)
  })

  it('begins at epoch 1 with three buckets of three copies, or of as many as there are members', () => {
    for (const count of [1, 2, 3, 5]) {
      const { epoch, buckets } = firstTopology(members(count))
      expect(epoch).toBe(1)
      expect(buckets.map(({ name, mode, n }) => [name, mode, n])).toEqual([
        ['default', 'siblings', Math.min(3, count)],
        ['latest', 'lww', Math.min(3, count)],
        ['strong', 'strong', Math.min(3, count)],
      ])
    }
  })

  it('gives clusters of other members or zones another id', () => {
    const ids = [members(3), members(4), members(3, 3)].map((m) => firstTopology(m).clusterId)
    expect(new Set(ids).size).toBe(3)
  })
})
