/**
 * Chooses the nodes that a write is sent to, from what this node believes about the others.
 *
 * One decision rests on belief: a write is refused, before anything is applied, if too few nodes in reach could store
 * it, or if too few could report what it replaces. A wrong belief costs availability for a moment, never safety.
 */
import { QuorateError } from '../../core/errors.ts'
import { allOwners } from '../../core/quorum/owner-groups.ts'
import type { WriteTargets } from '../../core/replication/write-round.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type PeerReach, refusedWords, reportOfUnasked, usableNodes } from '../peers/peer-reach.ts'
import { MAY_NOT_COUNT } from '../replica/not-ready-reasons.ts'
import { groupsOf, type PlacedRequest, rejection } from '../round/placed-request.ts'
import type { WholeOwners } from './whole-owners.ts'

/** This node's beliefs about the other nodes. */
interface Beliefs {
  readonly self: string
  readonly clock: NodeClock
  readonly reach: PeerReach
}

/** Throws quorum_unreachable. */
export function writeTargets(placed: PlacedRequest, parts: Beliefs): WriteTargets {
  const targets = chooseTargets(placed, parts)
  refuseWithoutQuorum(placed, targets, parts)
  return targets
}

function chooseTargets(placed: PlacedRequest, { self, reach }: Beliefs): WriteTargets {
  const { sloppy } = placed.need
  const all = allOwners(groupsOf(placed))
  const storesHere = all.includes(self)
  const others = all.filter((owner) => owner !== self)
  const owners = usableNodes(others, reach, sloppy)
  if (owners.length === others.length) return { storesHere, owners, standIns: [], missed: [] }
  const away = others.filter((owner) => !owners.includes(owner))
  const holders = sloppy ? usableNodes(placed.fallbacks, reach, sloppy) : []
  if (holders.length === 0) return { storesHere, owners, standIns: [], missed: away }
  // If more owners are away than fallbacks are left, a fallback keeps the write for several owners.
  const standIns = away.map((owner, i) => ({
    owner,
    holder: holders[i % holders.length] as string,
  }))
  return { storesHere, owners, standIns, missed: [] }
}

function refuseWithoutQuorum(
  placed: PlacedRequest,
  targets: WriteTargets,
  { self, clock }: Beliefs,
): void {
  const groups = groupsOf(placed)
  const all = allOwners(groups)
  // A stand-in counts in place of its owner, but each node counts only once.
  const holders = new Map(targets.standIns.map(({ owner, holder }) => [owner, holder]))
  const nodeFor = (owner: string): string | undefined =>
    owner === self || targets.owners.includes(owner) ? owner : holders.get(owner)
  const required = Math.max(placed.need.w, 1)
  const isNobodyAway = targets.standIns.length === 0 && targets.missed.length === 0
  if (isNobodyAway && groups.every((owners) => owners.length >= required)) return
  const received = Math.min(
    ...groups.map((owners) => new Set(owners.flatMap((owner) => nodeFor(owner) ?? [])).size),
  )
  if (received >= required) return
  const near = new Set(all.flatMap((owner) => nodeFor(owner) ?? []))
  const among = groups.map((owners) => owners.join(', ')).join(' and of ')
  throw new QuorateError(
    'quorum_unreachable',
    `the write needs ${required} of ${among}; in reach of ${self}: ` +
      `${[...near].join(', ') || 'none'}${refusedWords(all, clock)}`,
    {
      required,
      received: 0,
      retryAfterSeconds: 1,
      replicas: all.map((node) =>
        near.has(node) ? { node, status: 'pending', ms: 0 } : reportOfUnasked(node, clock),
      ),
    },
  )
}

/** Throws not_ready if the write needs several copies, and this node's copy may not count (arrival.ts). */
export function refuseUncounted(
  placed: PlacedRequest,
  mayCount: (placed: PlacedRequest) => boolean,
): void {
  const { sloppy, w } = placed.need
  if (sloppy || w <= 1 || mayCount(placed)) return
  throw rejection({ code: 'not_ready', message: MAY_NOT_COUNT })
}

/** Throws quorum_unreachable. `mayBeWhole`: whether another owner's last report allows that its copies are complete. */
export function refuseWithoutWhole(
  { owners }: PlacedRequest,
  { self, clock }: Beliefs,
  targets: WriteTargets,
  { need, isSelfWhole }: WholeOwners,
  mayBeWhole: (owner: string) => boolean,
): void {
  if (need === 0) return
  const isNear = (owner: string): boolean => owner === self || targets.owners.includes(owner)
  const whole = owners.filter((owner) =>
    owner === self ? isSelfWhole : isNear(owner) && mayBeWhole(owner),
  )
  if (whole.length >= need) return
  const message =
    `the write must find what it replaces at ${need} owners with complete copies; ` +
    `in reach of ${self}: ${whole.join(', ') || 'none'}${refusedWords(owners, clock)}; nothing was applied`
  throw new QuorateError('quorum_unreachable', message, {
    required: need,
    received: 0,
    retryAfterSeconds: 1,
    replicas: owners.map((node) => {
      if (whole.includes(node)) return { node, status: 'pending', ms: 0 }
      return isNear(node)
        ? { node, status: 'error', error: 'its copies are not complete', ms: 0 }
        : reportOfUnasked(node, clock)
    }),
  })
}
