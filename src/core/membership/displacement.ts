/**
 * Decides whether a process has lost the place of its node, from the peers that refuse it because they listen to another
 * process with the same node id.
 *
 * The word of a few peers is not enough: an empty process that was started by mistake, and that reached these few first,
 * would displace the node that all others listen to. Safety does not depend on this decision: each peer listens to one
 * process (life-fence.ts).
 */
import { majority } from '../quorum/level.ts'

export interface PeersOfProcess {
  /** All members, this node included. */
  readonly members: number
  /** Other members that refuse this process for another one. */
  readonly refusing: number
  /** Other members that have a link with this process. */
  readonly linked: number
}

/** A majority of the members refuses this process, or some do and it reaches no majority. */
export function isDisplaced({ members, refusing, linked }: PeersOfProcess): boolean {
  if (refusing === 0) return false
  const needed = majority(members)
  return refusing >= needed || linked + 1 < needed
}

/** The same for good, so that the process may end. While the rest are only out of reach it rejects requests, and lives on. */
export function isDisplacedForGood({ members, refusing }: PeersOfProcess): boolean {
  return refusing > 0 && refusing >= Math.min(majority(members), members - 1)
}
