/** Collects the nodes that a cycle of the forced order follows from. */
import type { OrderEdge, OrderGraph } from './order-graph.ts'
import type { OrderNode } from './order-node.ts'

/** The nodes alone force the same cycle. They are in the order of the nodes. */
export function proofOf(
  graph: OrderGraph,
  nodes: readonly OrderNode[],
  cycle: readonly OrderEdge[],
): number[] {
  const needed = new Set<number>()
  const seen = new Set<OrderEdge>()
  const open: (readonly OrderEdge[])[] = [cycle]
  const isOfSession = ({ from, to, reader }: OrderEdge): boolean =>
    reader < 0 && nodes[to]?.before === from
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const [i, edge] of path.entries()) {
      const { from, to, reader, round } = edge
      // The steps between two operations of one session follow from its order.
      const next = path[i + 1]
      if (next === undefined || !isOfSession(edge) || !isOfSession(next)) needed.add(to)
      if (i === 0) needed.add(from)
      if (reader < 0 || seen.has(edge)) continue
      seen.add(edge)
      const { source } = nodes[reader] as OrderNode
      needed.add(reader)
      if (source >= 0) needed.add(source)
      // Either the read comes before `to`, as its source does, or `from` before the source, as it does before the read.
      const why = from === reader ? graph.path(source, to, round) : graph.path(from, reader, round)
      open.push(why ?? [])
    }
  }
  for (const node of needed) {
    const { shownBy } = nodes[node] as OrderNode
    if (shownBy >= 0) needed.add(shownBy)
  }
  return [...needed].sort((a, b) => a - b)
}
