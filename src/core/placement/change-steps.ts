/** The documents that a change of the members goes through (member-change.ts). Pure: each step from the one before. */
import { QuorateError } from '../errors.ts'
import type { ChangeRequest, MemberChange } from './member-change.ts'
import {
  placementInstead,
  placementTakenOver,
  placementWith,
  placementWithout,
  withNewcomer,
  withoutMember,
} from './member-placement.ts'
import { type Member, PARTITION_COUNT, type Topology } from './topology.ts'
import { checkTopology } from './topology-check.ts'
import { votersAfter } from './voters.ts'

type Lists = Topology['preference']

export const MEMBERS_MAX = 64

/** The first document of the change. Throws change_refused or change_under_way. */
export function beginChange(topology: Topology, request: ChangeRequest): Topology {
  if (topology.change !== undefined) return withLost(topology, topology.change, request)
  refuse(topology, request)
  const { members, preference, joining, leaving, other } = placementsOf(topology, request)
  const epoch = topology.epoch + 1
  const change: MemberChange = {
    id: epoch,
    kind: request.kind,
    joining,
    leaving,
    isLost: isLostLeaver(request),
    phase: 'moving',
    other,
    done: [],
  }
  return settled({ ...topology, epoch, placedAt: epoch, members, preference, change })
}

/**
 * Who was to go, or to come, is lost while it does: nobody waits for it any more. Throws change_under_way for any other
 * change.
 */
function withLost(topology: Topology, change: MemberChange, request: ChangeRequest): Topology {
  const epoch = topology.epoch + 1
  if (request.kind === 'remove' && request.node === change.leaving && !change.isLost) {
    return settled({ ...topology, epoch, change: { ...change, isLost: true } })
  }
  if (request.kind === 'remove' && request.node === change.joining && change.phase === 'moving') {
    const cancelled = cancelChange(topology)
    const emptying = cancelled.change as MemberChange
    return settled({ ...cancelled, change: { ...emptying, isLost: true } })
  }
  throw underWay(change)
}

/**
 * Back to the owners before, while copies are still being moved. Who was to join may keep hints that count as copies:
 * it hands them over, as one that leaves. Throws change_refused.
 */
export function cancelChange(topology: Topology): Topology {
  const { change } = topology
  if (change === undefined) {
    throw new QuorateError('change_refused', 'no change of the members is under way')
  }
  if (change.phase !== 'moving') {
    const what = `the ${wordsOf(change)} cannot be undone any more: its copies have moved`
    throw new QuorateError('change_refused', what)
  }
  const epoch = topology.epoch + 1
  const undone = { ...withoutChange(topology), epoch, placedAt: epoch }
  const { joining } = change
  if (joining === null) return checked(undone)
  const emptying = { phase: 'emptying', other: [], done: [], joining: null } as const
  return checked({ ...undone, change: { ...change, ...emptying, leaving: joining, isLost: false } })
}

/**
 * `node` has done its part of that phase: the next document; undefined where that is known already, or the change is
 * not in that phase any more.
 */
export function reportDone(
  topology: Topology,
  changeId: number,
  phase: MemberChange['phase'],
  node: string,
): Topology | undefined {
  const { change } = topology
  if (change?.id !== changeId || change.phase !== phase) return undefined
  if (!waitingFor(topology).includes(node)) return undefined
  const done = [...change.done, node]
  return settled({ ...topology, epoch: topology.epoch + 1, change: { ...change, done } })
}

/** The members whose part of the present phase is still to come; none where no change is under way. */
export function waitingFor(topology: Topology): string[] {
  const { change } = topology
  if (change === undefined) return []
  return partakers(topology, change).filter((id) => !change.done.includes(id))
}

/** While copies are moved: the data partitions of which the node will be an owner and is not, for some bucket. */
export function gainedPartitions(
  { members, buckets, preference, change }: Topology,
  node: string,
): number[] {
  if (change?.phase !== 'moving') return []
  const index = members.findIndex(({ id }) => id === node)
  return partitionsGained(buckets, preference, change.other, index)
}

/** Whether the change that is asked for is the one that is under way. */
export function isUnderWay({ change }: Topology, request: ChangeRequest): boolean {
  if (request.kind === 'remove' && change?.leaving === request.node) return change.isLost
  if (change?.kind !== request.kind) return false
  const { joining, leaving } = whoOf(request)
  return (
    (joining === undefined || (change.joining ?? joining) === joining) && change.leaving === leaving
  )
}

/** Whether nothing is left to be done of it: who was to come is there, who was to go is not. */
export function isMade({ members, change }: Topology, request: ChangeRequest): boolean {
  if (change !== undefined || request.kind === 'replace') return false
  const { joining, leaving } = whoOf(request)
  const has = (id: string | null | undefined): boolean => members.some((member) => member.id === id)
  return request.kind === 'join' ? has(joining) : !has(leaving)
}

/** Goes on as long as nobody has to do anything for it. */
function settled(topology: Topology): Topology {
  let now = topology
  while (now.change !== undefined && waitingFor(now).length === 0) now = nextPhase(now, now.change)
  return checked(now)
}

function nextPhase(topology: Topology, change: MemberChange): Topology {
  const { epoch, preference } = topology
  if (change.phase === 'moving') {
    const releasing = { ...change, phase: 'releasing', other: preference, done: [] } as const
    return { ...topology, preference: change.other, placedAt: epoch, change: releasing }
  }
  const leaves = change.leaving !== null && !change.isLost
  if (change.phase === 'releasing' && leaves) {
    return { ...topology, change: { ...change, phase: 'emptying', other: [], done: [] } }
  }
  const { members, ...rest } = withoutNode(withoutChange(topology), change.leaving)
  return { ...rest, members, voters: votersAfter(rest.voters, members) }
}

/** Those that have something to do in the present phase. */
function partakers({ members, buckets, preference }: Topology, change: MemberChange): string[] {
  if (change.phase === 'emptying') {
    return change.leaving === null || change.isLost ? [] : [change.leaving]
  }
  const isMoving = change.phase === 'moving'
  const [from, to] = isMoving ? [preference, change.other] : [change.other, preference]
  return members.flatMap(({ id }, index) => {
    if (change.isLost && id === change.leaving) return []
    const partitions = isMoving
      ? partitionsGained(buckets, from, to, index)
      : partitionsGained(buckets, to, from, index)
    return partitions.length > 0 ? [id] : []
  })
}

/** Of which the member is an owner in `to`, for some bucket of whose it is none in `from`. */
function partitionsGained(
  buckets: Topology['buckets'],
  from: Lists,
  to: Lists,
  index: number,
): number[] {
  const copies = [...new Set(buckets.map(({ n }) => n))]
  const owns = (lists: Lists, partition: number, n: number): boolean =>
    lists[partition]?.slice(0, n).includes(index) === true
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => partition).filter((partition) =>
    copies.some((n) => owns(to, partition, n) && !owns(from, partition, n)),
  )
}

interface Placements {
  readonly members: readonly Member[]
  readonly preference: Lists
  readonly joining: string | null
  readonly leaving: string | null
  readonly other: Lists
}

function placementsOf(topology: Topology, request: ChangeRequest): Placements {
  const { members, preference } = topology
  const index = (id: string): number => members.findIndex((member) => member.id === id)
  switch (request.kind) {
    case 'join': {
      const all = [...members, request.member]
      const before = withNewcomer(preference, members.length)
      const other = placementWith(all, before)
      return { members: all, preference: before, joining: request.member.id, leaving: null, other }
    }
    case 'leave':
    case 'remove': {
      const other = placementWithout(members, preference, index(request.node))
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

/** Throws change_refused. */
function refuse({ members, buckets }: Topology, request: ChangeRequest): void {
  const no = (why: string): never => {
    throw new QuorateError('change_refused', why)
  }
  const known = members.map(({ id }) => id).join(', ')
  const { joining, leaving } = whoOf(request)
  if (leaving !== null && !members.some(({ id }) => id === leaving)) {
    no(`${leaving} is not a member; the members are ${known}`)
  }
  if (joining === leaving) no(`${String(leaving)} cannot be replaced by itself`)
  const added = request.kind === 'join' || request.kind === 'replace' ? request.member : undefined
  const same = members.find(({ id }) => id === added?.id)
  if (request.kind === 'join' && same !== undefined) {
    no(`${same.id} is a member already, at ${same.peerUrl}`)
  }
  if (same !== undefined && same.peerUrl !== added?.peerUrl) {
    no(`${same.id} is a member already, at ${same.peerUrl}, not at ${String(added?.peerUrl)}`)
  }
  const taken = members.find(({ id, peerUrl }) => id !== added?.id && peerUrl === added?.peerUrl)
  if (taken !== undefined) no(`${taken.peerUrl} is the address of ${taken.id}`)
  const isNew = added !== undefined && same === undefined
  if (isNew && members.length >= MEMBERS_MAX)
    no(`there are ${MEMBERS_MAX} members, and may be no more`)
  const left = members.length + (isNew ? 1 : 0) - (leaving === null ? 0 : 1)
  const wide = buckets.find(({ n }) => n > left)
  if (wide !== undefined) {
    no(`the bucket ${wide.name} keeps ${wide.n} copies, and only ${left} members would be left`)
  }
}

function whoOf(request: ChangeRequest): {
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

function isLostLeaver(request: ChangeRequest): boolean {
  return request.kind === 'remove' || (request.kind === 'replace' && request.isLost)
}

function underWay(change: MemberChange): QuorateError {
  return new QuorateError(
    'change_under_way',
    `the ${wordsOf(change)} is under way (${change.phase}): one change at a time, ask again when it is over`,
    { retryAfterSeconds: 5 },
  )
}

function wordsOf({ kind, joining, leaving }: MemberChange): string {
  if (kind === 'replace') return `replacement of ${String(leaving)}`
  return `${kind} of ${String(joining ?? leaving)}`
}

function withoutChange({ change: _change, ...topology }: Topology): Topology {
  return topology
}

function withoutNode(topology: Topology, node: string | null): Topology {
  const { members, preference, voters } = topology
  const index = members.findIndex(({ id }) => id === node)
  if (index < 0) return topology
  return {
    ...topology,
    members: members.filter(({ id }) => id !== node),
    voters: voters.filter((id) => id !== node),
    preference: withoutMember(preference, index),
  }
}

function checked(topology: Topology): Topology {
  checkTopology(topology)
  return topology
}
