/** Computes the topology documents of a change of the members (member-change.ts), each from the one before it. */
import { QuorateError } from '../errors.ts'
import {
  type ChangeRequest,
  changeTarget,
  isLostLeaver,
  refusalOfChange,
  refusalOfLoss,
  targetWithoutLost,
  underWay,
  whoOf,
  wordsOf,
} from './change-target.ts'
import { isLostMember, withoutLost } from './lost-members.ts'
import type { MemberChange } from './member-change.ts'
import { withoutMember } from './member-placement.ts'
import { copyCounts, type Member, PARTITION_COUNT, type Topology } from './topology.ts'
import { checkTopology } from './topology-check.ts'
import { votersAfter } from './voters.ts'

type Lists = Topology['preference']

/**
 * The first document of the change. While another change is under way, only `remove` is possible: from then on that
 * change does not wait for the member, and the removal begins later. Throws change_refused or change_under_way.
 */
export function beginChange(topology: Topology, request: ChangeRequest): Topology {
  const epoch = topology.epoch + 1
  if (topology.change !== undefined) return withLost(topology, topology.change, request)
  return pastIdlePhases(begun({ ...topology, epoch }, request))
}

/** Adds the change to the document of this epoch. */
function begun(topology: Topology, request: ChangeRequest): Topology {
  const { members, preference, joining, leaving, other } = changeTarget(topology, request)
  const { epoch } = topology
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
  const rest = withoutLost(topology, leaving === null ? [] : [leaving])
  return { ...rest, placementVersion: epoch, members, preference, change }
}

/** Ends the wait for a member that is lost during another change. Throws change_refused or change_under_way. */
function withLost(topology: Topology, change: MemberChange, request: ChangeRequest): Topology {
  if (request.kind !== 'remove' || isLostMember(topology, request.node)) throw underWay(change)
  const { node } = request
  const epoch = topology.epoch + 1
  if (node === change.leaving) {
    return pastIdlePhases({ ...topology, epoch, change: { ...change, isLost: true } })
  }
  if (node === change.joining && change.phase === 'moving') {
    // A joining member leaves again when a change is cancelled. This one cannot hand over its hints.
    const cancelled = cancelChange(topology)
    const emptying = cancelled.change as MemberChange
    return pastIdlePhases({ ...cancelled, change: { ...emptying, isLost: true } })
  }
  const why = refusalOfLoss(topology, node)
  if (why !== undefined) throw new QuorateError('change_refused', why)
  const known = { ...topology, epoch, lost: [...(topology.lost ?? []), node] }
  const gains = gainedPartitions(topology, node).length > 0
  return pastIdlePhases(gains ? withoutGainer(known, change) : known)
}

/**
 * The change with another next owner for each copy that the lost member was to take over. The other next owners keep
 * their places, because they may already have the only copy of what a lost owner held.
 */
function withoutGainer(topology: Topology, change: MemberChange): Topology {
  const other = targetWithoutLost(topology, change)
  const next = { ...topology, placementVersion: topology.epoch, change: { ...change, other } }
  // A next owner that now gains further partitions has not done its part.
  const hasSameWork = (node: string): boolean => {
    const before = gainedPartitions(topology, node)
    return gainedPartitions(next, node).every((partition) => before.includes(partition))
  }
  return { ...next, change: { ...next.change, done: change.done.filter(hasSameWork) } }
}

/**
 * Returns to the previous owners while copies are still being moved. The joining member may keep hints that count as
 * copies, so it hands them over like a leaving member. If no change is under way, this cancels the removals that wait
 * for enough members: those members are no longer called lost. Throws change_refused.
 */
export function cancelChange(topology: Topology): Topology {
  const { change, lost } = topology
  if (change === undefined && lost !== undefined) {
    return checked({ ...withoutLost(topology, lost), epoch: topology.epoch + 1 })
  }
  if (change === undefined) {
    throw new QuorateError('change_refused', 'no change of the members is under way')
  }
  if (change.phase !== 'moving') {
    const what = `the ${wordsOf(change)} cannot be undone: its copies have already moved`
    throw new QuorateError('change_refused', what)
  }
  const epoch = topology.epoch + 1
  const undone = { ...withoutChange(topology), epoch, placementVersion: epoch }
  const { joining } = change
  if (joining === null) return pastIdlePhases(withNextRemoval(undone))
  const emptying = { phase: 'emptying', other: [], done: [], joining: null } as const
  return checked({ ...undone, change: { ...change, ...emptying, leaving: joining, isLost: false } })
}

/**
 * The next document after `node` has done its part of that phase. Undefined if that is already recorded, or the change
 * is no longer in that phase.
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
  return pastIdlePhases({ ...topology, epoch: topology.epoch + 1, change: { ...change, done } })
}

/** The topology once every member has done its part of the change under way. */
export function afterChange(topology: Topology): Topology {
  let now = topology
  while (now.change !== undefined && now.change.id === topology.change?.id) {
    // A document of an earlier version may have a phase in which no member has anything to do.
    now = pastIdlePhases(afterPhase(now))
  }
  return now
}

/** The topology once every member has done its part of the present phase. */
export function afterPhase(topology: Topology): Topology {
  const { change } = topology
  if (change === undefined) return topology
  const done = (now: Topology, node: string): Topology =>
    reportDone(now, change.id, change.phase, node) ?? now
  return waitingFor(topology).reduce(done, topology)
}

/** The members that have not finished their part of the present phase; empty if no change is under way. */
export function waitingFor(topology: Topology): string[] {
  const { change } = topology
  if (change === undefined) return []
  return participants(topology, change).filter((id) => !change.done.includes(id))
}

/** While copies are moved: the data partitions that the node will newly own, for at least one bucket. */
export function gainedPartitions(
  { members, buckets, preference, change }: Topology,
  node: string,
): number[] {
  if (change?.phase !== 'moving') return []
  const index = members.findIndex(({ id }) => id === node)
  return partitionsGained(buckets, preference, change.other, index)
}

/** Whether the requested change is exactly the one under way, or the removal of a lost member that begins after it. */
export function isUnderWay(topology: Topology, request: ChangeRequest): boolean {
  const { members, change } = topology
  if (request.kind === 'remove') return change !== undefined && isLostMember(topology, request.node)
  if (change?.kind !== request.kind || change.leaving !== whoOf(request).leaving) return false
  if (request.kind === 'leave') return true
  if (request.kind === 'replace' && request.isLost !== change.isLost) return false
  const { member } = request
  // For a replacement by an existing member, the document does not name that member, so any member matches.
  const isSame = change.joining === null || change.joining === member.id
  return isSame && member.id !== change.leaving && isThere(members, member)
}

/**
 * Whether the requested change is complete: the joining member has joined, and the leaving one is gone. For a leave
 * this is never true, because a member that left looks like a name that never existed.
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

/** Goes on to the next phase as long as no member has anything to do in the present one. */
function pastIdlePhases(topology: Topology): Topology {
  let now = topology
  while (now.change !== undefined && waitingFor(now).length === 0) now = nextPhase(now, now.change)
  return checked(now)
}

function nextPhase(topology: Topology, change: MemberChange): Topology {
  const { epoch, preference } = topology
  if (change.phase === 'moving') {
    const releasing = { ...change, phase: 'releasing', other: preference, done: [] } as const
    return { ...topology, preference: change.other, placementVersion: epoch, change: releasing }
  }
  const leaves = change.leaving !== null && !change.isLost
  if (change.phase === 'releasing' && leaves) {
    return { ...topology, change: { ...change, phase: 'emptying', other: [], done: [] } }
  }
  const { members, ...rest } = withoutNode(withoutChange(topology), change.leaving)
  const voters = votersAfter(rest.voters, members, rest.lost)
  return withNextRemoval({ ...rest, members, voters })
}

/** Begins the removal of the first lost member whose removal is possible: enough others are left for all copies. */
function withNextRemoval(topology: Topology): Topology {
  const requests = (topology.lost ?? []).map((node) => ({ kind: 'remove', node }) as const)
  const possible = requests.find((request) => refusalOfChange(topology, request) === undefined)
  return possible === undefined ? topology : begun(topology, possible)
}

/** The members that have a part in the present phase. A lost member has none. */
function participants(topology: Topology, change: MemberChange): string[] {
  const { members, buckets, preference } = topology
  if (change.phase === 'emptying') {
    return change.leaving === null || change.isLost ? [] : [change.leaving]
  }
  const isMoving = change.phase === 'moving'
  const [from, to] = isMoving ? [preference, change.other] : [change.other, preference]
  return members.flatMap(({ id }, index) => {
    if (isLostMember(topology, id)) return []
    const partitions = isMoving
      ? partitionsGained(buckets, from, to, index)
      : partitionsGained(buckets, to, from, index)
    return partitions.length > 0 ? [id] : []
  })
}

/** The partitions that the member owns in `to` but not in `from`, for at least one bucket. */
function partitionsGained(
  buckets: Topology['buckets'],
  from: Lists,
  to: Lists,
  index: number,
): number[] {
  const copies = copyCounts({ buckets })
  const owns = (lists: Lists, partition: number, n: number): boolean => {
    const place = lists[partition]?.indexOf(index) ?? -1
    return place >= 0 && place < n
  }
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
    ...withoutLost(topology, [node as string]),
    members: members.filter(({ id }) => id !== node),
    voters: voters.filter((id) => id !== node),
    preference: withoutMember(preference, index),
  }
}

function checked(topology: Topology): Topology {
  checkTopology(topology)
  return topology
}
