/** The forced order as a graph whose edges remember from which read they follow, and in which round. */
import type { OrderNode } from './order-node.ts'

export interface OrderEdge {
  readonly from: number
  readonly to: number
  /** The read from which the edge follows; negative if it follows from the history itself. */
  readonly reader: number
  /** An edge follows only from edges of earlier rounds. */
  readonly round: number
}

/** How many cycles are compared. */
const TRIED_MAX = 30

export class OrderGraph {
  readonly successors: number[][]
  readonly edges: OrderEdge[] = []
  /** For each node the numbers of its edges. */
  readonly edgesFrom: number[][]
  /** Valid after `settle` has returned true. */
  readonly clocks: Int32Array
  readonly #nodes: readonly Pick<OrderNode, 'column' | 'position'>[]
  readonly #width: number
  readonly #known = new Set<number>()
  #round = 0

  constructor(nodes: readonly Pick<OrderNode, 'column' | 'position'>[], width: number) {
    this.#nodes = nodes
    this.#width = width
    this.successors = nodes.map(() => [])
    this.edgesFrom = nodes.map(() => [])
    this.clocks = new Int32Array(nodes.length * width)
  }

  add(from: number, to: number, reader: number): void {
    const name = from * this.#nodes.length + to
    if (this.#known.has(name)) return
    this.#known.add(name)
    this.successors[from]?.push(to)
    this.edgesFrom[from]?.push(this.edges.length)
    this.edges.push({ from, to, reader, round: this.#round })
  }

  /** Computes the clocks with the edges added so far, which ends their round. Returns false if there is a cycle. */
  settle(): boolean {
    this.#round++
    const { clocks, successors } = this
    const width = this.#width
    const missing = new Int32Array(this.#nodes.length)
    for (const own of successors) for (const to of own) missing[to] = (missing[to] as number) + 1
    clocks.fill(0)
    const order: number[] = []
    for (const [node, count] of missing.entries()) if (count === 0) order.push(node)
    for (const node of order) {
      const { column, position } = this.#nodes[node] as OrderNode
      clocks[node * width + column] = position
      for (const to of successors[node] as readonly number[]) {
        for (let c = 0; c < width; c++) {
          const count = clocks[node * width + c] as number
          if (count > (clocks[to * width + c] as number)) clocks[to * width + c] = count
        }
        const left = (missing[to] as number) - 1
        missing[to] = left
        if (left === 0) order.push(to)
      }
    }
    return order.length === this.#nodes.length
  }

  isBefore(from: number, to: number): boolean {
    const { column, position } = this.#nodes[from] as OrderNode
    return from !== to && this.countBefore(column, to) >= position
  }

  countBefore(column: number, node: number): number {
    return this.clocks[node * this.#width + column] as number
  }

  /** `components` are those that have cycles. Returns some cycles, as lists of their edges. */
  shortCycles(components: readonly (readonly number[])[]): OrderEdge[][] {
    const componentOf = new Map<number, number>()
    for (const [i, nodes] of components.entries())
      for (const node of nodes) componentOf.set(node, i)
    const cycles: OrderEdge[][] = []
    for (const edge of this.edges) {
      // Before the last round there was no cycle, so each one has an edge of that round.
      if (edge.round < this.#round - 1) continue
      const component = componentOf.get(edge.from)
      if (component === undefined || component !== componentOf.get(edge.to)) continue
      const back = this.path(edge.to, edge.from, this.#round)
      if (back !== undefined) cycles.push([edge, ...back])
      if (cycles.length === TRIED_MAX) break
    }
    return cycles
  }

  /** The edges of a shortest path that uses only edges of rounds before `round`; undefined if there is none. */
  path(from: number, to: number, round: number): OrderEdge[] | undefined {
    const via = new Map<number, OrderEdge | undefined>([[from, undefined]])
    const queue = [from]
    for (const node of queue) {
      if (node === to) break
      for (const number of this.edgesFrom[node] as readonly number[]) {
        const edge = this.edges[number] as OrderEdge
        if (edge.round >= round || via.has(edge.to)) continue
        via.set(edge.to, edge)
        queue.push(edge.to)
      }
    }
    if (!via.has(to)) return undefined
    const path: OrderEdge[] = []
    for (let edge = via.get(to); edge !== undefined; edge = via.get(edge.from)) path.push(edge)
    return path.reverse()
  }
}
