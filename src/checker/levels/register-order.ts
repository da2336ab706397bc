/**
 * The order that the answers of registers force on their operations, if one order of all operations explains each
 * answer and keeps the order of each client. A cycle in the forced order is a proof that there is no such order.
 *
 * It begins with the order of each client and with each write before its reads. If a read saw the write `w` of a key,
 * and `v` is another write of the key, then
 *
 * - if `v` comes before the read, `v` comes before `w`, and
 * - if `w` comes before `v`, the read comes before `v`.
 *
 * Both rules are applied until nothing follows any more. To decide sequential consistency is NP-complete even if the
 * write of each read is known (Gibbons, Korach, "Testing shared memories", 1997). The rules run in polynomial time and
 * find nearly all contradictions that occur (Zennou, Bouajjani, Enea, Erradi, "Gradual consistency checking", 2019).
 */
import { cyclesOf } from '../causal/components.ts'
import { type Access, type Answer, isPlain } from './access.ts'
import { OrderGraph } from './order-graph.ts'
import { INITIAL, NONE, type OrderNode } from './order-node.ts'
import { proofOf } from './order-proof.ts'

/** The numbers in the clocks, for each time that the clock is looked at. */
const WORK_A_LOOK = 100_000

type RegisterOrder =
  /** Lists of accesses that alone have no order, the shortest first. */
  | { readonly type: 'cycle'; readonly proofs: readonly (readonly Access[])[] }
  | {
      readonly type: 'forced'
      readonly nodes: readonly OrderNode[]
      readonly clocks: Clocks
      readonly successors: readonly (readonly number[])[]
    }
  | { readonly type: 'unknown'; readonly why: 'time' | 'memory' }

/** For each node, how many nodes of each column come before it, or are the node itself. */
export interface Clocks {
  readonly width: number
  readonly counts: Int32Array
}

/** `some` are in the order of invocation. Answers whose origin is not among them, or in doubt, are left out. */
export function registerOrder(
  some: readonly Access[],
  { isLate, memoryBytes }: { readonly isLate: () => boolean; readonly memoryBytes: number },
): RegisterOrder {
  const nodes = nodesOf(some)
  const width = nodes.reduce((most, { column }) => Math.max(most, column + 1), 0)
  if (nodes.length * width * Int32Array.BYTES_PER_ELEMENT > memoryBytes) {
    return { type: 'unknown', why: 'memory' }
  }
  const graph = new OrderGraph(nodes, width)
  const rules = new Rules(nodes, graph)
  rules.begin()
  for (;;) {
    const isAcyclic = graph.settle()
    if (!isAcyclic) {
      const cycles = graph.shortCycles(cyclesOf(graph.successors))
      const proofs = cycles
        .map((cycle) => proofOf(graph, nodes, cycle))
        .sort((one, other) => one.length - other.length)
      const accessOf = (node: number): Access => (nodes[node] as OrderNode).access
      return { type: 'cycle', proofs: proofs.map((proof) => proof.map(accessOf)) }
    }
    if (!rules.apply()) {
      const { clocks: counts, successors } = graph
      return { type: 'forced', nodes, clocks: { width, counts }, successors }
    }
    // A clock that counts its calls is asked more often if there is more to do.
    for (let work = nodes.length * width; work > 0; work -= WORK_A_LOOK) {
      if (isLate()) return { type: 'unknown', why: 'time' }
    }
  }
}

/** The answer, if it has one value with one origin, which is among the accesses. */
function plainAnswer({ answers }: Access, isAmong: (giver: Access) => boolean): Answer | undefined {
  const [answer] = answers
  if (answer === undefined || answers.length > 1 || !isPlain(answer)) return undefined
  const [giver] = answer.givers
  return giver === undefined || isAmong(giver) ? answer : undefined
}

function nodesOf(some: readonly Access[]): OrderNode[] {
  const happened = certainOf(some)
  const nodes: OrderNode[] = []
  const numbers = new Map<Access, number>()
  const columns = new Map<number, { readonly column: number; last: number; count: number }>()
  let width = 0
  for (const access of some) {
    if (!happened.has(access)) continue
    const own = columns.get(access.session)
    const number = nodes.length
    numbers.set(access, number)
    const isWrite = access.left !== undefined
    const before = own?.last ?? NONE
    const node = { access, isWrite, source: NONE, shownBy: NONE, before } as const
    if (!access.isCertain) {
      nodes.push({ ...node, column: width++, position: 1 })
    } else if (own === undefined) {
      columns.set(access.session, { column: width, last: number, count: 1 })
      nodes.push({ ...node, column: width++, position: 1 })
    } else {
      own.last = number
      own.count++
      nodes.push({ ...node, column: own.column, position: own.count })
    }
  }
  for (const node of nodes) {
    const shower = happened.get(node.access)
    if (shower !== undefined) node.shownBy = numbers.get(shower) as number
    const answer = plainAnswer(node.access, (giver) => numbers.has(giver))
    if (answer === undefined) continue
    const [giver] = answer.givers
    node.source = giver === undefined ? INITIAL : (numbers.get(giver) as number)
  }
  return nodes
}

/**
 * The accesses that certainly happened: their outcome is known, or somebody saw their effect. Each with an access that
 * saw it, if its outcome is unknown. These lead to accesses of known outcome.
 */
function certainOf(some: readonly Access[]): Map<Access, Access | undefined> {
  const among = new Set(some)
  const open = some.filter(({ isCertain }) => isCertain)
  const certain = new Map<Access, Access | undefined>(open.map((access) => [access, undefined]))
  for (const access of open) {
    const [giver] = plainAnswer(access, (other) => among.has(other))?.givers ?? []
    if (giver === undefined || certain.has(giver)) continue
    certain.set(giver, access)
    open.push(giver)
  }
  return certain
}

/** The writes of a key in one column. */
interface ColumnWrites {
  readonly column: number
  readonly nodes: number[]
  readonly positions: number[]
}

class Rules {
  readonly #nodes: readonly OrderNode[]
  readonly #graph: OrderGraph
  readonly #writes = new Map<string, ColumnWrites[]>()
  readonly #readers: readonly number[][]

  constructor(nodes: readonly OrderNode[], graph: OrderGraph) {
    this.#nodes = nodes
    this.#graph = graph
    this.#readers = nodes.map(() => [])
    for (const [number, { source, isWrite, access, column, position }] of nodes.entries()) {
      if (source >= 0) this.#readers[source]?.push(number)
      if (!isWrite) continue
      const ofKey = this.#writes.get(access.key) ?? []
      this.#writes.set(access.key, ofKey)
      let own = ofKey.find((each) => each.column === column)
      if (own === undefined) {
        own = { column, nodes: [], positions: [] }
        ofKey.push(own)
      }
      own.nodes.push(number)
      own.positions.push(position)
    }
  }

  /** Adds the order of each session, each write before its reads, and reads of initial values before every write. */
  begin(): void {
    for (const [number, { before, source, access }] of this.#nodes.entries()) {
      if (before !== NONE) this.#graph.add(before, number, NONE)
      if (source >= 0) this.#graph.add(source, number, NONE)
      if (source !== INITIAL) continue
      for (const { nodes } of this.#writes.get(access.key) ?? []) {
        const first = nodes.find((write) => write !== number)
        if (first !== undefined) this.#graph.add(number, first, NONE)
      }
    }
  }

  /** Returns whether something new follows. */
  apply(): boolean {
    let hasNew = false
    const add = (from: number, to: number, reader: number): void => {
      if (this.#graph.isBefore(from, to)) return
      this.#graph.add(from, to, reader)
      hasNew = true
    }
    for (const [number, { source, isWrite, access }] of this.#nodes.entries()) {
      if (source < 0 && !isWrite) continue
      for (const write of this.#newestBefore(number, access.key)) {
        if (source >= 0 && write !== source) add(write, source, number)
        if (!isWrite) continue
        for (const reader of this.#readers[write] as readonly number[]) {
          if (reader !== number) add(reader, number, reader)
        }
      }
    }
    return hasNew
  }

  /** For each column its newest write of the key that comes before the node. */
  *#newestBefore(number: number, key: string): Generator<number> {
    const { column, position } = this.#nodes[number] as OrderNode
    for (const writes of this.#writes.get(key) ?? []) {
      const count =
        writes.column === column ? position - 1 : this.#graph.countBefore(writes.column, number)
      const place = placeOf(writes.positions, count)
      if (place >= 0) yield writes.nodes[place] as number
    }
  }
}

/** The index of the last position up to `count`; -1 if there is none. */
function placeOf(positions: readonly number[], count: number): number {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] as number) <= count) low = middle + 1
    else high = middle
  }
  return low - 1
}
