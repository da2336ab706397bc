/**
 * Guesses one order of all operations, and checks it. The writes of each key are put into the order of their events,
 * as far as the forced order allows. With the order of the writes, the place of each read is known, so a wrong guess
 * shows at once. Most stores apply writes in about that order, so the guess spares a search that has no end in sight.
 */
import { isExplained } from './access.ts'
import { INITIAL, type OrderNode } from './order-node.ts'

/** For each node the nodes that must come before it. */
type Causes = readonly (readonly number[])[]

/** Whether there is such an order. If not, there may be another one. */
export function hasSimpleOrder(
  nodes: readonly OrderNode[],
  successors: readonly (readonly number[])[],
): boolean {
  const forced = causesOf(successors)
  return MOMENTS.some((momentOf) => {
    const moments = nodes.map(momentOf)
    const rough = inOrder(forced, moments)
    const exact = rough && inOrder(withWriteOrder(forced, nodes, rough), moments)
    return exact !== undefined && isOneOrder(nodes, exact)
  })
}

const MOMENTS: readonly ((node: OrderNode) => number)[] = [
  ({ access }) => access.operation.lastIndex,
  ({ access }) => access.operation.firstIndex,
]

function causesOf(successors: readonly (readonly number[])[]): Causes {
  const causes = successors.map((): number[] => [])
  for (const [from, own] of successors.entries()) for (const to of own) causes[to]?.push(from)
  return causes
}

const OPEN = 1
const PLACED = 2

/** Each node after its causes, otherwise in the order of the moments; undefined if there is a cycle. */
function inOrder(causes: Causes, moments: readonly number[]): number[] | undefined {
  const order: number[] = []
  const states = new Uint8Array(causes.length)
  const byMoment = [...causes.keys()].sort(
    (a, b) => (moments[a] as number) - (moments[b] as number),
  )
  for (const start of byMoment) {
    const path = [start]
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const own = causes[node] as readonly number[]
      const missing = states[node] === PLACED ? [] : own.filter((cause) => states[cause] !== PLACED)
      if (missing.some((cause) => states[cause] === OPEN)) return undefined
      if (missing.length > 0) {
        states[node] = OPEN
        path.push(...missing)
        continue
      }
      path.pop()
      if (states[node] !== PLACED) order.push(node)
      states[node] = PLACED
    }
  }
  return order
}

/** Adds the order of the writes of each key, and each read before the write that replaces what it saw. */
function withWriteOrder(
  causes: Causes,
  nodes: readonly OrderNode[],
  rough: readonly number[],
): Causes {
  const all = causes.map((own) => [...own])
  const readers = nodes.map((): number[] => [])
  const initialReaders = new Map<string, number[]>()
  for (const [number, { source, access }] of nodes.entries()) {
    if (source >= 0) readers[source]?.push(number)
    if (source !== INITIAL) continue
    const ofKey = initialReaders.get(access.key) ?? []
    initialReaders.set(access.key, ofKey)
    ofKey.push(number)
  }
  const newest = new Map<string, number>()
  for (const number of rough) {
    const { isWrite, access } = nodes[number] as OrderNode
    if (!isWrite) continue
    const before = newest.get(access.key)
    newest.set(access.key, number)
    const seen = before === undefined ? initialReaders.get(access.key) : readers[before]
    const first = before === undefined ? [] : [before]
    all[number]?.push(...first, ...(seen ?? []).filter((reader) => reader !== number))
  }
  return all
}

/** Whether the order keeps the order of each client and explains each answer. */
function isOneOrder(nodes: readonly OrderNode[], order: readonly number[]): boolean {
  const held = new Map<string, number>()
  const isDone = new Uint8Array(nodes.length)
  for (const number of order) {
    const { access, before } = nodes[number] as OrderNode
    if (before >= 0 && isDone[before] === 0) return false
    const from = nodes[held.get(access.key) ?? -1]?.access
    if (!access.answers.every((answer) => isExplained(answer, access, from))) return false
    if (access.left !== undefined) held.set(access.key, number)
    isDone[number] = 1
  }
  return isDone.every((is) => is === 1)
}
