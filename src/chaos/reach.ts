/** Compares a probe with the expected effect of a fault. Pure. */
import { lossPercent, type NetworkFault, orderedPairs, turnMs } from './chaos-fault.ts'
import type { ReachMatrix } from './chaos-target.ts'

/**
 * Describes the pairs of nodes that differ from the expected effect; empty if none does. Without a fault every node
 * must answer and reach every other. A lossy or flapping pair may be in either state. Under a fault, nodes that were
 * not probed are left out.
 */
export function unexpectedPairs(
  fault: NetworkFault | undefined,
  nodes: readonly string[],
  matrix: ReachMatrix,
): string[] {
  const wrong: string[] = []
  const probed = nodes.filter((id) => matrix[id] !== undefined)
  if (fault === undefined) {
    for (const id of nodes) if (!probed.includes(id)) wrong.push(`${id} does not answer`)
  }
  for (const [from, to] of orderedPairs(probed)) {
    if (fault !== undefined && turnMs(fault, from, to) !== undefined) continue
    const loss = fault === undefined ? 0 : lossPercent(fault, from, to)
    const reached = matrix[from]?.[to] === true
    if (loss === 100 && reached) wrong.push(`${from} still reaches ${to}`)
    if (loss === 0 && !reached) wrong.push(`${from} does not reach ${to}`)
  }
  return wrong
}
