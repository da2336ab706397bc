import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import { partitionOf } from '../../../src/core/placement/data-partition.ts'
import {
  afterPhase,
  beginChange,
  reportDone,
  waitingFor,
} from '../../../src/core/placement/change-steps.ts'
import {
  isHolder,
  placementAt,
  preferenceList,
  refillSources,
} from '../../../src/core/placement/preference-list.ts'
import { type Bucket, PARTITION_COUNT } from '../../../src/core/placement/topology.ts'
import { memberNo, topologyOf } from './change-cluster.ts'

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

describe('the sources of a refill', () => {
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition)

  it('are the owners, and the old owners that are not released if an owner is lost', () => {
    const moving = beginChange(topologyOf(4), { kind: 'join', member: memberNo(5) })
    const releasing = afterPhase(moving)
    const lost = beginChange(releasing, { kind: 'remove', node: 'n5' })
    const [released = ''] = waitingFor(lost)
    const later = reportDone(lost, moving.epoch, 'releasing', released) as typeof lost
    let old = 0
    for (const partition of partitions) {
      const { owners } = placementAt(lost, 3, partition)
      expect(refillSources(releasing, 3, partition)).toEqual(owners)
      const holders = lost.members
        .map(({ id }) => id)
        .filter((id) => isHolder(lost, 3, partition, id))
      const sources = owners.includes('n5') ? holders : owners
      expect(new Set(refillSources(lost, 3, partition))).toEqual(new Set(sources))
      const left = sources.filter((id) => id !== released || owners.includes(id))
      expect(new Set(refillSources(later, 3, partition))).toEqual(new Set(left))
      if (sources.length > owners.length) old++
    }
    expect(old).toBeGreaterThan(0)
  })
})
