import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import { partitionOf } from '../../../src/core/placement/data-partition.ts'
import { preferenceList } from '../../../src/core/placement/preference-list.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'

const topology = firstTopology(
  [5, 3, 1, 2, 4].map((i) => ({ id: `n${i}`, peerUrl: `http://n${i}:7080`, zone: '' })),
)
const bucket = topology.buckets[0] as Bucket

describe('preference list', () => {
  it('names the first n as owners and all others as fallbacks, in the order of the topology', () => {
    for (const n of [1, 3, 5]) {
      const { partition, owners, fallbacks } = preferenceList(topology, { ...bucket, n }, 'key')
      expect(partition).toBe(partitionOf('default', 'key'))
      expect(owners).toHaveLength(n)
      const order = topology.preference[partition]?.map((i) => topology.members[i]?.id)
      expect([...owners, ...fallbacks]).toEqual(order)
    }
  })

  it('is the same object for all keys of a partition, and another for another topology', () => {
    const first = preferenceList(topology, bucket, 'key')
    expect(preferenceList(topology, bucket, 'key')).toBe(first)
    const next = {
      ...topology,
      epoch: 2,
      preference: topology.preference.map((l) => l.toReversed()),
    }
    expect(preferenceList(next, bucket, 'key').owners).not.toEqual(first.owners)
  })
})
