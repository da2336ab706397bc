/**
 * Whom a write is sent to, from what this node believes of the others; and the one decision that rests on
 * belief: to refuse a write, before anything is applied, that too few nodes in reach could take.
 */
import { QuorateError } from '../core/errors.ts'
import type { PlacedRequest } from './request.ts'
import type { RoundTargets } from './write-round.ts'

/** Throws quorum_unreachable. The own copy, where this node is an owner, is added by the coordinator. */
export function writeTargets(
  placed: PlacedRequest,
  self: string,
  inReach: (node: string, sloppy: boolean) => boolean,
): RoundTargets {
  const targets = chooseTargets(placed, self, inReach)
  refuseWithoutQuorum(placed, self, targets)
  return targets
}

function chooseTargets(
  placed: PlacedRequest,
  self: string,
  inReach: (node: string, sloppy: boolean) => boolean,
): RoundTargets {
  const { sloppy } = placed.need
  const owners = placed.owners.filter((owner) => owner !== self && inReach(owner, sloppy))
  const away = placed.owners.filter((owner) => owner !== self && !inReach(owner, sloppy))
  const holders = sloppy ? placed.fallbacks.filter((node) => inReach(node, sloppy)) : []
  if (holders.length === 0) return { storeLocally: undefined, owners, standIns: [], missed: away }
  // Where more owners are away than nodes are left, some nodes keep the write for several of them.
  const standIns = away.map((owner, i) => ({
    owner,
    holder: holders[i % holders.length] as string,
  }))
  return { storeLocally: undefined, owners, standIns, missed: [] }
}

function refuseWithoutQuorum(placed: PlacedRequest, self: string, targets: RoundTargets): void {
  const nodes = new Set([...targets.owners, ...targets.standIns.map(({ holder }) => holder)])
  if (placed.owners.includes(self)) nodes.add(self)
  const required = Math.max(placed.need.w, 1)
  if (nodes.size >= required) return
  throw new QuorateError(
    'quorum_unreachable',
    `the write needs ${required} of ${placed.owners.join(', ')}; in reach of ${self}: ` +
      `${[...nodes].join(', ') || 'none'}`,
    {
      required,
      received: 0,
      retryAfterSeconds: 1,
      replicas: placed.owners.map((node) => ({
        node,
        status: nodes.has(node) ? 'pending' : 'unreachable',
        ms: 0,
      })),
    },
  )
}
