/**
 * The members whose disks an operator has called lost, with `remove` or a replacement. Nobody waits for their copies.
 * A member that is lost while another change is under way is removed after that change.
 */
import type { Topology } from './topology.ts'

/** The lost member that the change removes, and those to be removed after it. */
export function lostMembers({ change, lost = [] }: Topology): readonly string[] {
  const { leaving = null, isLost = false } = change ?? {}
  return isLost && leaving !== null ? [leaving, ...lost] : lost
}

export function isLostMember({ change, lost }: Topology, node: string): boolean {
  return (change?.isLost === true && change.leaving === node) || lost?.includes(node) === true
}
