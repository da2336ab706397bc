/**
 * Computes the effect of a change of the members before it is made: the copies to move, and warnings for the operator.
 */
import { labelOf } from './bucket-name.ts'
import {
  type ChangeRequest,
  changeTarget,
  type ChangeTarget,
  isLostLeaver,
} from './change-target.ts'
import { afterChange, beginChange, isMade, isUnderWay } from './change-steps.ts'
import type { ChangeKind } from './member-change.ts'
import { type Bucket, copyCounts, type Member, type Topology } from './topology.ts'
import { votersAfter } from './voters.ts'

export interface ChangePlan {
  readonly kind: ChangeKind
  /** The copies of data partitions that the change makes, for each replica count in use. */
  readonly moves: readonly PlannedMove[]
  /** Member → how many data partitions it owns, in the bucket with the most replicas, before and after the change. */
  readonly before: Readonly<Record<string, number>>
  readonly after: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
}

export interface PlannedMove {
  readonly partition: number
  readonly copies: number
  /** The member that gives up its copy; null if none does. */
  readonly from: string | null
  readonly to: string
}

/**
 * A removal during another change begins after it, so it is planned from the topology after it. The plan of a change
 * that was made already moves nothing. Throws change_refused or change_under_way, as the change itself would.
 */
export function planChange(present: Topology, request: ChangeRequest): ChangePlan {
  const { topology, target } = isKnown(present, request)
    ? targetIn(whenBegun(present, request))
    : present.change === undefined
      ? { topology: present, target: changeTarget(present, request) }
      : targetIn(whenBegun(beginChange(present, request), request))
  const { members, preference, joining, leaving, other } = target
  const before = members.filter(({ id }) => id !== joining)
  const staying = members.filter(({ id }) => id !== leaving)
  const copies = copyCounts(topology)
  const widest = copies.at(-1) ?? 0
  return {
    kind: request.kind,
    moves: copies.flatMap((n) => movesOf(target, n)),
    before: ownedBy(before, members, preference, widest),
    after: ownedBy(staying, members, other, widest),
    warnings: [
      ...waitWarnings(topology, request),
      ...lossWarnings(topology, target, request),
      ...zoneWarnings(before, staying),
      ...spreadWarnings(target, widest),
      ...voterWarnings(topology, target, staying),
    ],
  }
}

/** The document with which the accepted change begins. A removal may begin only after other changes. */
function whenBegun(accepted: Topology, request: ChangeRequest): Topology {
  if (request.kind !== 'remove') return accepted
  const { node } = request
  let now = accepted
  while (now.change !== undefined && now.lost?.includes(node) === true) now = afterChange(now)
  return now
}

function isKnown(topology: Topology, request: ChangeRequest): boolean {
  return isUnderWay(topology, request) || isMade(topology, request)
}

/** The effect of the change in the document. It is none if the copies have moved already. */
function targetIn(topology: Topology): { topology: Topology; target: ChangeTarget } {
  const { members, preference, change } = topology
  const { joining = null, leaving = null } = change ?? {}
  const other = change?.phase === 'moving' ? change.other : preference
  return { topology, target: { members, preference, joining, leaving, other } }
}

function movesOf({ members, preference, other }: ChangeTarget, copies: number): PlannedMove[] {
  return other.flatMap((list, partition) => {
    const before = preference[partition]?.slice(0, copies) ?? []
    const after = list.slice(0, copies)
    const given = before.filter((i) => !after.includes(i))
    const gained = after.filter((i) => !before.includes(i))
    return gained.map((i, at) => ({
      partition,
      copies,
      from: members[given[at] as number]?.id ?? null,
      to: (members[i] as Member).id,
    }))
  })
}

/** How many partitions each member in `shown` owns. The lists contain indexes into `members`. */
function ownedBy(
  shown: readonly Member[],
  members: readonly Member[],
  lists: Topology['preference'],
  copies: number,
): Record<string, number> {
  return Object.fromEntries(
    shown.map((member) => [member.id, ownedCount(lists, copies, members.indexOf(member))]),
  )
}

/** How many data partitions the member with that index owns. */
function ownedCount(lists: Topology['preference'], copies: number, index: number): number {
  return lists.filter((list) => list.slice(0, copies).includes(index)).length
}

function partitionWords(count: number): string {
  return `${count} data ${count === 1 ? 'partition' : 'partitions'}`
}

function waitWarnings({ lost = [] }: Topology, request: ChangeRequest): string[] {
  if (request.kind !== 'remove' || !lost.includes(request.node)) return []
  return [`${request.node} will be removed as soon as there are enough other members.`]
}

/** For a leaving member whose disk is lost: the data that only it had, and the data that only one other member has. */
function lossWarnings(
  { buckets, members, preference }: Topology,
  { leaving }: ChangeTarget,
  request: ChangeRequest,
): string[] {
  if (!isLostLeaver(request)) return []
  const index = members.findIndex(({ id }) => id === leaving)
  return buckets.flatMap(({ name, n }: Bucket) => {
    const count = ownedCount(preference, n, index)
    if (count === 0 || n > 2) return []
    const where = partitionWords(count)
    return n === 1
      ? [
          `The bucket ${labelOf(name)} keeps one copy: the keys that ${leaving} owned, in ${where}, are lost.`,
        ]
      : [
          `The bucket ${labelOf(name)} keeps two copies: ${where} will have a single copy until it has been copied.`,
        ]
  })
}

function zoneWarnings(before: readonly Member[], after: readonly Member[]): string[] {
  const count = (members: readonly Member[]): number => new Set(members.map((m) => m.zone)).size
  if (count(after) >= count(before)) return []
  return [`The members will be in fewer zones: ${count(after)} instead of ${count(before)}.`]
}

/** A replacement takes the positions of the old member, whatever zones the other owners are in. */
function spreadWarnings({ members, preference, other }: ChangeTarget, copies: number): string[] {
  const zones = (list: readonly number[] | undefined): number =>
    new Set(list?.slice(0, copies).map((i) => members[i]?.zone)).size
  const count = other.filter((list, partition) => zones(list) < zones(preference[partition])).length
  if (count === 0) return []
  return [`The owners of ${partitionWords(count)} will be in fewer zones than now.`]
}

function voterWarnings(
  { voters }: Topology,
  { leaving }: ChangeTarget,
  staying: readonly Member[],
): string[] {
  const after = votersAfter(
    voters.filter((id) => id !== leaving),
    staying,
  )
  const isSame = after.length === voters.length && after.every((id) => voters.includes(id))
  if (isSame) return []
  return [`The voters will be ${after.join(', ')} instead of ${voters.join(', ')}.`]
}
