/** The cluster as one of its nodes sees it, in the form that the picture shows. */
import { type ClusterVerdict, listWords } from '../picture/cluster-verdict.ts'
import type { ClusterSight, KeySight, LinkSight, NodeSight } from '../picture/sight.ts'
import type { NodeRing, NodeStatus } from './node-status.ts'

/** `ring` is that of the chosen key; null if none is chosen. */
export function liveSight(status: NodeStatus, ring: NodeRing | null): ClusterSight {
  return {
    verdict: liveVerdict(status),
    nodes: status.members.map((member) => nodeSight(member, status)),
    links: linksOf(status),
    key: ring && keySight(ring),
  }
}

/** The members that do not answer this node. */
export function silentMembers({ members, reachability }: NodeStatus): readonly string[] {
  return members.map(({ id }) => id).filter((id) => (reachability[id] ?? null) === null)
}

function nodeSight(member: NodeStatus['members'][number], status: NodeStatus): NodeSight {
  const { id, zone } = member
  const isShared = status.members.some((other) => other.zone === zone && other.id !== id)
  // Without named zones all members stand in one.
  const hasZones = status.members.some((other) => other.zone !== zone)
  const own = id === status.node ? Object.entries(status.hints) : []
  const kept = own.filter(([, { pending }]) => pending > 0)
  return {
    id,
    zone: isShared && hasZones ? zone : null,
    state: silentMembers(status).includes(id) ? 'silent' : 'up',
    clockOffsetMs: shownOffset(member.clockOffsetMs),
    hints: Object.fromEntries(kept.map(([owner, { pending }]) => [owner, pending])),
  }
}

/** The clocks of good machines differ by some ms, and the measurement by more. Nobody needs to see that. */
const OFFSET_MS_MIN = 50

export function shownOffset(offsetMs: number | null): number {
  return offsetMs === null || Math.abs(offsetMs) < OFFSET_MS_MIN ? 0 : offsetMs
}

/** A member that does not answer tells nothing of its links. What others say of it is told. */
function linksOf({ members, reachability }: NodeStatus): LinkSight[] {
  const ids = members.map(({ id }) => id)
  return ids.flatMap((from) =>
    ids
      .filter((to) => to !== from)
      .map((to) => {
        const state = reachability[from]?.[to]
        return {
          from,
          to,
          isOpen: state === 'up',
          cut: state === 'suspect' ? 'suspected' : state === 'down' ? 'no answer' : null,
        }
      }),
  )
}

function keySight({ key, preference }: NodeRing): KeySight {
  return {
    key,
    owners: preference.filter(({ role }) => role === 'owner').map(({ node }) => node),
    held: Object.fromEntries(preference.map(({ node, holds }) => [node, holdWords(holds)])),
  }
}

/** A few words for what a node holds of a key; none if it holds nothing, or does not tell. */
export function holdWords(holds: NodeRing['preference'][number]['holds']): readonly string[] {
  if (holds === null) return []
  const { siblings, tombstones } = holds
  const values = siblings === 0 ? [] : [siblings === 1 ? '1 value' : `${siblings} siblings`]
  return tombstones === 0 ? values : [...values, '† deleted']
}

function liveVerdict(status: NodeStatus): ClusterVerdict {
  const { verdict, failureTolerance, partitions, partitionsWithoutQuorum } = status
  const lost = partitionsWithoutQuorum.length
  const silent = silentMembers(status)
  const unheard =
    silent.length === 0
      ? []
      : [
          `${listWords(silent)} ${silent.length === 1 ? 'does' : 'do'} not answer: down or cut off, which ${status.node} cannot tell.`,
        ]
  const sentences = [verdict, ...unheard]
  if (lost === partitions) return { grade: 'lost', title: 'Quorum lost', sentences, spare: -1 }
  if (lost > 0) {
    return { grade: 'lost', title: 'Quorum lost for some keys', sentences, spare: -1 }
  }
  const isGood = failureTolerance > 0 && silent.length === 0 && status.storage.state === 'ok'
  return {
    grade: isGood ? 'good' : 'limited',
    title: isGood ? 'Healthy' : 'Degraded',
    sentences: [...sentences, toleranceSentence(failureTolerance)],
    spare: failureTolerance,
  }
}

function toleranceSentence(count: number): string {
  if (count === 0) return 'One more failure can take the quorum from some keys.'
  return count === 1 ? 'Any one more node may fail.' : `Any ${count} more nodes may fail.`
}
