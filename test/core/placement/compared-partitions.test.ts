import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import { comparedPartitions } from '../../../src/core/placement/compared-partitions.ts'
import { PARTITION_COUNT, type Topology } from '../../../src/core/placement/topology.ts'

const RUNS = { numRuns: 60, seed: 20_261_123 }

const topologies = fc
  .record({ count: fc.integer({ min: 1, max: 9 }), zones: fc.integer({ min: 1, max: 3 }) })
  .map(({ count, zones }) =>
    firstTopology(
      Array.from({ length: count }, (_, i) => ({
        id: `n${i + 1}`,
        peerUrl: `http://n${i + 1}:7080`,
        zone: `z${i % zones}`,
      })),
    ),
  )

/** Partition by partition, from the definition: the first `copies` in the order of preference are owners. */
function ownedByBoth(topology: Topology, copies: number, a: string, b: string): number[] {
  const owned: number[] = []
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const order = topology.preference[partition]?.map((i) => topology.members[i]?.id) ?? []
    const owners = new Set(order.slice(0, copies))
    if (owners.has(a) && owners.has(b)) owned.push(partition)
  }
  return owned
}

const cases = topologies.chain((topology) => {
  const node = fc.constantFrom(...topology.members.map(({ id }) => id))
  const copies = fc.integer({ min: 1, max: topology.members.length })
  return fc.record({ topology: fc.constant(topology), copies, a: node, b: node })
})

describe('compared partitions', () => {
  it('are those that both own, in ascending order', () => {
    fc.assert(
      fc.property(cases, ({ topology, copies, a, b }) => {
        const both = ownedByBoth(topology, copies, a, b)
        expect(comparedPartitions(topology, copies, a, b)).toEqual(both)
      }),
      RUNS,
    )
  })

  it('are the same seen from either side', () => {
    fc.assert(
      fc.property(cases, ({ topology, copies, a, b }) => {
        expect(comparedPartitions(topology, copies, b, a)).toEqual(
          comparedPartitions(topology, copies, a, b),
        )
      }),
      RUNS,
    )
  })

  it('are all where every member owns everything, and none with a node that is no member', () => {
    fc.assert(
      fc.property(cases, ({ topology, a, b }) => {
        const all = topology.members.length
        expect(comparedPartitions(topology, all, a, b)).toHaveLength(PARTITION_COUNT)
        expect(comparedPartitions(topology, all, a, 'stranger')).toEqual([])
      }),
      RUNS,
    )
  })

  it('follow the topology that is asked about, and are made once for it', () => {
    const topology = firstTopology(
      [1, 2, 3, 4, 5].map((i) => ({ id: `n${i}`, peerUrl: `http://n${i}:7080`, zone: '' })),
    )
    const before = comparedPartitions(topology, 3, 'n1', 'n2')
    expect(comparedPartitions(topology, 3, 'n1', 'n2')).toBe(before)
    const turned = { ...topology, preference: topology.preference.map((list) => list.toReversed()) }
    const after = comparedPartitions(turned, 3, 'n1', 'n2')
    expect(after).toEqual(ownedByBoth(turned, 3, 'n1', 'n2'))
    expect(after).not.toEqual(before)
  })
})
