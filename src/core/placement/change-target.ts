/**
 * Computes the members and the placement after a requested change of the members, or says why the change is impossible.
 */
import { QuorateError } from '../errors.ts'
import { labelOf } from './bucket-name.ts'
import { lostMembers } from './lost-members.ts'
import type { MemberChange } from './member-change.ts'
import {
  placementInstead,
  placementTakenOver,
  placementWith,
  placementWithout,
  placementWithoutGains,
  withNewcomer,
} from './member-placement.ts'
import type { Member, Topology } from './topology.ts'

type Lists = Topology['preference']

const MEMBERS_MAX = 64

/** A change of the members that an operator requests. */
export type ChangeRequest =
  | { readonly kind: 'join'; readonly member: Member }
  | { readonly kind: 'leave'; readonly node: string }
  /** `isLost`: the disk of `old` is gone, so nobody waits for it. `member` may already be a member. */
  | {
      readonly kind: 'replace'
      readonly old: string
      readonly member: Member
      readonly isLost: boolean
    }
  /** Like `leave`, for a node whose disk is gone. */
  | { readonly kind: 'remove'; readonly node: string }

/** The result of a change of the members. */
export interface ChangeTarget {
  /** During the change: a joining member is the last one, and a leaving one is still included. */
  readonly members: readonly Member[]
  /** The placement in force, with a joining member at the end of each list. */
  readonly preference: Lists
  readonly joining: string | null
  readonly leaving: string | null
  /** The placement after the change, with a leaving member at the end of each list. */
  readonly other: Lists
}

/** Throws change_refused or change_under_way. */
export function changeTarget(topology: Topology, request: ChangeRequest): ChangeTarget {
  if (topology.change !== undefined) throw underWay(topology.change)
  const why = refusalOfChange(topology, request)
  if (why !== undefined) throw new QuorateError('change_refused', why)
  return targetOf(topology, request)
}

/** The placement to come of the change under way. Each lost member gives the places that it gains to another one. */
export function targetWithoutLost(topology: Topology, { other, leaving }: MemberChange): Lists {
  const { members, preference } = topology
  const spared = lostIndexes(topology)
  return placementWithoutGains(members, preference, other, {
    spared,
    gone: members.findIndex(({ id }) => id === leaving),
  })
}

function lostIndexes(topology: Topology): ReadonlySet<number> {
  const lost = lostMembers(topology)
  return new Set(topology.members.flatMap(({ id }, index) => (lost.includes(id) ? [index] : [])))
}

export function whoOf(request: ChangeRequest): {
  readonly joining: string | undefined
  readonly leaving: string | null
} {
  switch (request.kind) {
    case 'join':
      return { joining: request.member.id, leaving: null }
    case 'replace':
      return { joining: request.member.id, leaving: request.old }
    case 'leave':
    case 'remove':
      return { joining: undefined, leaving: request.node }
    default:
      return request satisfies never
  }
}

/** Whether nobody waits for the leaving member. */
export function isLostLeaver(request: ChangeRequest): boolean {
  return request.kind === 'remove' || (request.kind === 'replace' && request.isLost)
}

/** Names the change in a sentence. */
export function wordsOf({ kind, joining, leaving }: MemberChange): string {
  if (kind === 'replace') return `replacement of ${String(leaving)}`
  return `${kind} of ${String(joining ?? leaving)}`
}

function targetOf(topology: Topology, request: ChangeRequest): ChangeTarget {
  const { members, preference } = topology
  const spared = lostIndexes(topology)
  const index = (id: string): number => members.findIndex((member) => member.id === id)
  switch (request.kind) {
    case 'join': {
      const all = [...members, request.member]
      const before = withNewcomer(preference, members.length)
      const other = placementWith(all, before, spared)
      return { members: all, preference: before, joining: request.member.id, leaving: null, other }
    }
    case 'leave':
    case 'remove': {
      const other = placementWithout(members, preference, index(request.node), spared)
      return { members, preference, joining: null, leaving: request.node, other }
    }
    case 'replace': {
      const { old, member } = request
      const isThere = index(member.id) >= 0
      const all = isThere ? members : [...members, member]
      const before = isThere ? preference : withNewcomer(preference, members.length)
      const added = isThere ? index(member.id) : members.length
      const other = isThere
        ? placementTakenOver(all, before, index(old), added)
        : placementInstead(before, index(old), added)
      const joining = isThere ? null : member.id
      return { members: all, preference: before, joining, leaving: old, other }
    }
    default:
      return request satisfies never
  }
}

/** Why the change is impossible; undefined if it is possible. */
export function refusalOfChange(topology: Topology, request: ChangeRequest): string | undefined {
  const { members, lost = [] } = topology
  const { joining, leaving } = whoOf(request)
  const added = request.kind === 'join' || request.kind === 'replace' ? request.member : undefined
  const same = members.find(({ id }) => id === added?.id)
  const taken = members.find(({ id, peerUrl }) => id !== added?.id && peerUrl === added?.peerUrl)
  const isNew = added !== undefined && same === undefined
  if (leaving !== null && !isMember(members, leaving)) return notAMember(members, leaving)
  if (joining === leaving) return `${String(leaving)} cannot be replaced by itself`
  if (request.kind === 'join' && same !== undefined) {
    return `${same.id} is a member already, at ${same.peerUrl}`
  }
  if (same !== undefined && same.peerUrl !== added?.peerUrl) {
    return `${same.id} is a member already, at ${same.peerUrl}, not at ${String(added?.peerUrl)}`
  }
  if (same !== undefined && lost.includes(same.id)) {
    return `${same.id} is lost, and cannot take the place of ${String(leaving)}`
  }
  if (taken !== undefined) return `${taken.peerUrl} is the address of ${taken.id}`
  if (isNew && members.length >= MEMBERS_MAX) {
    return `there are ${MEMBERS_MAX} members, the most that a cluster may have`
  }
  const left = members.length + (isNew ? 1 : 0) - (leaving === null ? 0 : 1)
  // A change that makes the members fewer places copies on those alone that are not lost.
  const idle = isNew ? [] : lost.filter((id) => id !== leaving)
  return tooFewLeft(topology, left - idle.length, String(leaving))
}

/** Why a member cannot be called lost during the change that is under way; undefined if it can. */
export function refusalOfLoss(topology: Topology, node: string): string | undefined {
  const { members, change } = topology
  if (!isMember(members, node)) return notAMember(members, node)
  const gone = [...lostMembers(topology), change?.leaving, node]
  const isLast = members.every(({ id }) => gone.includes(id))
  return isLast ? `${node} is the last member and cannot be removed` : undefined
}

function isMember(members: readonly Member[], node: string): boolean {
  return members.some(({ id }) => id === node)
}

function notAMember(members: readonly Member[], node: string): string {
  return `${node} is not a member; the members are ${members.map(({ id }) => id).join(', ')}`
}

function tooFewLeft({ buckets }: Topology, left: number, node: string): string | undefined {
  if (left <= 0) return `${node} is the last member and cannot be removed`
  const wide = buckets.find(({ n }) => n > left)
  if (wide === undefined) return undefined
  const rest = left === 1 ? 'one member' : `${left} members`
  return `the bucket ${labelOf(wide.name)} keeps ${wide.n} copies, and only ${rest} would be left`
}

/** The error for a request during another change. */
export function underWay(change: MemberChange): QuorateError {
  return new QuorateError(
    'change_under_way',
    `the ${wordsOf(change)} is under way (${change.phase}): one change at a time, retry when it is complete`,
    { retryAfterSeconds: 5 },
  )
}
