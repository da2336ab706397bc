/**
 * Strongly connected components (Tarjan 1972). It avoids recursion, because a history is deeper than the call stack.
 */

/** The components of two or more nodes, in no particular order. Nodes are numbered from 0. */
export function cyclesOf(edges: readonly (readonly number[])[]): number[][] {
  const size = edges.length
  const indexes = new Int32Array(size)
  const lowest = new Int32Array(size)
  const isOpen = new Uint8Array(size)
  const nextEdge = new Int32Array(size)
  const open: number[] = []
  const cycles: number[][] = []
  let count = 0
  for (let root = 0; root < size; root++) {
    if (indexes[root] !== 0) continue
    const path: number[] = []
    const enter = (node: number): void => {
      count++
      indexes[node] = count
      lowest[node] = count
      isOpen[node] = 1
      open.push(node)
      path.push(node)
    }
    enter(root)
    while (path.length > 0) {
      const node = path.at(-1) as number
      const own = edges[node] as readonly number[]
      const place = nextEdge[node] as number
      if (place < own.length) {
        nextEdge[node] = place + 1
        const to = own[place] as number
        if (indexes[to] === 0) enter(to)
        else if (isOpen[to] === 1) lower(lowest, node, indexes[to] as number)
        continue
      }
      path.pop()
      const from = path.at(-1)
      if (from !== undefined) lower(lowest, from, lowest[node] as number)
      if (lowest[node] !== indexes[node]) continue
      const component = open.splice(open.lastIndexOf(node))
      for (const each of component) isOpen[each] = 0
      if (component.length > 1) cycles.push(component)
    }
  }
  return cycles
}

function lower(lowest: Int32Array, node: number, index: number): void {
  if (index < (lowest[node] as number)) lowest[node] = index
}
