/** The documents that a change of the members goes through (member-change.ts). Pure: each step from the one before. */
import { QuorateError } from '../errors.ts'
import {
  type ChangeRequest,
  changeTarget,
  isLostLeaver,
  underWay,
  whoOf,
  wordsOf,
} from './change-target.ts'
import type { MemberChange } from './member-change.ts'
import { withoutMember } from './member-placement.ts'
import { type Member, PARTITION_COUNT, type Topology } from './topology.ts'
import { checkTopology } from './topology-check.ts'
import { votersAfter } from './voters.ts'

type Lists = Topology['preference']

/** The first document of the change. Throws change_refused or change_under_way. */
export function beginChange(topology: Topology, request: ChangeRequest): Topology {
  if (topology.change !== undefined) return withLost(topology, topology.change, request)
  const { members, preference, joining, leaving, other } = changeTarget(topology, request)
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
 * Who was to go, or to come, or gives up copies, is lost while it does: nobody waits for it any more. Throws
 * change_under_way for any other change.
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
  const gone = request.kind === 'remove' ? request.node : undefined
  if (gone !== undefined && change.phase === 'releasing' && waitingFor(topology).includes(gone)) {
    // It has nothing to give up any more: this change ends without it, and its removal can begin then.
    return settled({ ...topology, epoch, change: { ...change, done: [...change.done, gone] } })
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

/** Who goes, where nobody waits for it: its disk is gone for good. */
export function lostMember({ change }: Topology): string | undefined {
  return change?.isLost === true ? (change.leaving ?? undefined) : undefined
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

/** Whether the change that is asked for is exactly the one that is under way. */
export function isUnderWay({ members, change }: Topology, request: ChangeRequest): boolean {
  if (request.kind === 'remove' && change?.leaving === request.node) return change.isLost
  if (change?.kind !== request.kind || change.leaving !== whoOf(request).leaving) return false
  if (request.kind === 'leave' || request.kind === 'remove') return true
  if (request.kind === 'replace' && request.isLost !== change.isLost) return false
  const { member } = request
  // Of a replacement by a member the document does not say by whom: any other member would do.
  const isSame = change.joining === null || change.joining === member.id
  return isSame && member.id !== change.leaving && isThere(members, member)
}

/**
 * Whether nothing is left to be done of it: who was to come is there for good, and who was to go is not. Of a leave it
 * cannot be told from a name that never was.
 */
export function isMade({ members, change }: Topology, request: ChangeRequest): boolean {
  const { leaving } = whoOf(request)
  if (members.some(({ id }) => id === leaving)) return false
  if (request.kind === 'leave' || request.kind === 'remove') return false
  const { id } = request.member
  const isMoving = change?.joining === id || change?.leaving === id
  return !isMoving && isThere(members, request.member)
}

function isThere(members: readonly Member[], { id, peerUrl }: Member): boolean {
  return members.some((member) => member.id === id && member.peerUrl === peerUrl)
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
