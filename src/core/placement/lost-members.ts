/**
 * The members whose disks an operator has called lost, with `remove` or a replacement. The other nodes do not
 * wait for them, and send them no copies. A member that is lost while another change is under way is removed
 * after that change, as soon as enough other members are left for the copies of every bucket.
 */
import type { Topology } from './topology.ts'

/** The lost member that the change under way removes, and the lost members to be removed later. */
export function lostMembers({ members, change, lost = [] }: Topology): readonly string[] {
  const { leaving = null, isLost = false } = change ?? {}
  const all = isLost && leaving !== null ? [leaving, ...lost] : lost
  return all.filter((node) => members.some(({ id }) => id === node))
}

export function isLostMember({ change, lost }: Topology, node: string): boolean {
  return (change?.isLost === true && change.leaving === node) || lost?.includes(node) === true
}

/** The topology in which these members are no longer called lost. */
export function withoutLost(topology: Topology, nodes: readonly string[]): Topology {
  const { lost = [], ...plain } = topology
  const left = lost.filter((node) => !nodes.includes(node))
  return left.length === 0 ? plain : { ...plain, lost: left }
}
