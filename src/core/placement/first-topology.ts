/**
 * The first topology is a pure function of the configured members. So every node computes the same one, and a cluster
 * forms without a bootstrap race.
 */
import { assert } from '../assert.ts'
import { hashText } from '../hash/text-hash.ts'
import { placePartitions } from './placement-plan.ts'
import type { Bucket, Member, Topology } from './topology.ts'
import { chooseVoters } from './voters.ts'

const DEFAULT_COPIES = 3

/** The order of `configured` does not matter. Throws if it is empty or contains an id twice. */
export function firstTopology(configured: readonly Member[]): Topology {
  assert(configured.length > 0, 'a cluster has members')
  const members = [...configured].sort((a, b) => (a.id < b.id ? -1 : 1))
  members.forEach(({ id }, i) => assert(id !== members[i + 1]?.id, `member ${id} is there once`))
  const n = Math.min(DEFAULT_COPIES, members.length)
  const bucket = (
    name: string,
    mode: Bucket['mode'],
    consistency: Bucket['consistency'],
  ): Bucket => ({
    name,
    mode,
    n,
    consistency,
    durability: 'sync',
    ttlSeconds: null,
  })
  return {
    clusterId: clusterId(members),
    epoch: 1,
    members,
    voters: chooseVoters(members),
    placementVersion: 1,
    preference: placePartitions(members),
    buckets: [
      bucket('default', 'siblings', 'quorum'),
      bucket('latest', 'lww', 'quorum'),
      bucket('strong', 'strong', 'strong'),
    ],
  }
}

/** Derived from ids and zones, not from addresses, which may change in the life of a cluster. */
function clusterId(members: readonly Member[]): string {
  const text = members.map(({ id, zone }) => `${id}@${zone}`).join(',')
  return [0, 1].map((seed) => hashText(text, seed).toString(16).padStart(8, '0')).join('')
}
