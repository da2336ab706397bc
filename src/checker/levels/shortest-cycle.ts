/** How many nodes are tried as the beginning of a cycle. */
const TRIED_MAX = 50

/** A short cycle, as a list of nodes. `component` is strongly connected and has two or more nodes. */
export function shortestCycle(
  edges: readonly (readonly number[])[],
  component: readonly number[],
): readonly number[] {
  const isInside = new Set(component)
  let shortest: readonly number[] = component
  for (const start of component.slice(0, TRIED_MAX)) {
    const cycle = cycleThrough(start, edges, isInside)
    if (cycle.length < shortest.length) shortest = cycle
  }
  return shortest
}

/** A shortest cycle through the node, breadth first. */
function cycleThrough(
  start: number,
  edges: readonly (readonly number[])[],
  isInside: ReadonlySet<number>,
): readonly number[] {
  const from = new Map<number, number>()
  const queue = [start]
  for (const node of queue) {
    for (const next of edges[node] as readonly number[]) {
      if (!isInside.has(next) || from.has(next)) continue
      from.set(next, node)
      if (next === start) return backFrom(start, from)
      queue.push(next)
    }
  }
  return [...isInside]
}

function backFrom(start: number, from: ReadonlyMap<number, number>): number[] {
  const cycle = [start]
  for (let node = from.get(start); node !== undefined && node !== start; node = from.get(node)) {
    cycle.push(node)
  }
  return cycle.reverse()
}
