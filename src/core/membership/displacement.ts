/**
 * Decides whether a newer process with the same node id has displaced this one, from the peers that refuse this process
 * because they accept the other one.
 *
 * A few peers are not enough: an empty process that was started by mistake and reached these few first would displace
 * the node that all others accept. Safety does not depend on this decision, because each peer accepts only one process
 * (life-fence.ts).
 */
import { majority } from '../quorum/level.ts'

export interface PeersOfProcess {
  /** All members, this node included. */
  readonly members: number
  /** Other members that refuse this process in favour of another one. */
  readonly refusing: number
  /** Other members that have a link with this process. */
  readonly linked: number
}

/** Whether a majority of the members refuses this process, or some do and it reaches no majority. */
export function isDisplaced({ members, refusing, linked }: PeersOfProcess): boolean {
  if (refusing === 0) return false
  const needed = majority(members)
  return refusing >= needed || linked + 1 < needed
}

/**
 * Whether the process is displaced for good and may end. A process that merely lacks a majority rejects requests and
 * lives on.
 */
export function isDisplacedForGood({ members, refusing }: PeersOfProcess): boolean {
  return refusing > 0 && refusing >= Math.min(majority(members), members - 1)
}
