/**
 * How a node becomes a member: as one of the first members, or by joining a running cluster. The two exclude each
 * other, and each has settings of its own.
 */
import { DEFAULT_ZONE } from '../../core/placement/member-syntax.ts'
import type { Member } from '../../core/placement/topology.ts'
import { SettingError } from './setting-syntax.ts'
import { TABLE } from './setting-table.ts'

export interface JoinSettings {
  /** Peer ports of members, asked one after the other. */
  readonly seeds: readonly string[]
  /** The address at which the other nodes reach this node's peer port. */
  readonly peerUrl: string
  readonly zone: string
  /** The member whose place this node takes. */
  readonly replaces: string | undefined
}

export interface GivenMembership {
  readonly members: readonly Member[] | undefined
  readonly seeds: readonly string[] | undefined
  readonly peerUrl: string | undefined
  readonly replaces: string | undefined
  readonly zone: string | undefined
}

export function firstMembers(nodeId: string, given: GivenMembership): readonly Member[] {
  const { members, peerUrl, replaces, zone } = given
  if (members === undefined) {
    throw new SettingError(
      `QUORATE_MEMBERS is not set: ${TABLE.MEMBERS.about}; or QUORATE_JOIN, to join a running cluster`,
    )
  }
  for (const [name, value] of Object.entries({ PEER_URL: peerUrl, REPLACES: replaces })) {
    if (value === undefined) continue
    throw new SettingError(`QUORATE_${name} goes with QUORATE_JOIN, not with QUORATE_MEMBERS`)
  }
  checkMembership(nodeId, zone, members)
  return members
}

export function joinSettings(
  nodeId: string,
  given: GivenMembership,
  peerPort: number,
): JoinSettings {
  const { members, seeds = [], replaces, zone = DEFAULT_ZONE } = given
  if (members !== undefined) {
    throw new SettingError(
      'QUORATE_JOIN and QUORATE_MEMBERS are both set: the first is for a node that joins a running cluster, the second for its first members',
    )
  }
  if (replaces === nodeId) {
    throw new SettingError(
      `QUORATE_REPLACES=${replaces}: a node takes the place of another one, under an id of its own`,
    )
  }
  if (given.peerUrl === undefined && peerPort === 0) {
    throw new SettingError(
      'QUORATE_PEER_URL is not set: the others have to know the port, which QUORATE_PEER_LISTEN leaves open',
    )
  }
  const peerUrl = given.peerUrl ?? `http://${nodeId}:${peerPort}`
  return { seeds, peerUrl, zone, replaces }
}

function checkMembership(
  nodeId: string,
  zone: string | undefined,
  members: readonly Member[],
): void {
  const self = members.find(({ id }) => id === nodeId)
  if (self === undefined) {
    const ids = members.map(({ id }) => id).join(', ')
    throw new SettingError(
      `QUORATE_NODE_ID=${nodeId} is not in QUORATE_MEMBERS, which lists ${ids}`,
    )
  }
  if (zone === undefined || zone === self.zone) return
  throw new SettingError(
    `QUORATE_ZONE=${zone} does not agree with QUORATE_MEMBERS, the same list on each node: ` +
      `write ${self.id}=${self.peerUrl}#${zone} there`,
  )
}
