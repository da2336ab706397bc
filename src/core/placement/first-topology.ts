/**
 * The first topology: a pure function of the configured members, so that every node makes the same one and a
 * cluster forms without a bootstrap race.
 */
import { assert } from '../assert.ts'
import { hashText } from '../hash/text-hash.ts'
import { placePartitions } from './placement-plan.ts'
import { type Bucket, type Member, type Topology, VOTERS_MAX } from './topology.ts'

const DEFAULT_COPIES = 3

/** The order of `configured` does not matter. Throws where it is empty or names an id twice. */
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
    placedAt: 1,
    preference: placePartitions(members),
    buckets: [
      bucket('default', 'siblings', 'quorum'),
      bucket('latest', 'lww', 'quorum'),
      bucket('strong', 'strong', 'strong'),
    ],
  }
}

/** The first ones, in as many zones as there are: whoever fails together must not be a majority. */
export function chooseVoters(members: readonly Member[]): string[] {
  const waiting = [...members]
  const chosen: Member[] = []
  const inZone = (zone: string): number => chosen.filter((other) => other.zone === zone).length
  while (waiting.length > 0 && chosen.length < VOTERS_MAX) {
    const least = Math.min(...waiting.map(({ zone }) => inZone(zone)))
    const next = waiting.findIndex(({ zone }) => inZone(zone) === least)
    chosen.push(...waiting.splice(next, 1))
  }
  return chosen.map(({ id }) => id)
}

/** From ids and zones; not from addresses, which may change while the cluster stays the same. */
function clusterId(members: readonly Member[]): string {
  const text = members.map(({ id, zone }) => `${id}@${zone}`).join(',')
  return [0, 1].map((seed) => hashText(text, seed).toString(16).padStart(8, '0')).join('')
}
