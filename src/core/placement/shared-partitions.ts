/** What two nodes have in common: the data partitions that both keep. */
import { holdersOf } from './preference-list.ts'
import { PARTITION_COUNT, type Topology } from './topology.ts'

/** For each topology, n and pair: made once, for peers compare their copies each second. */
const compiled = new WeakMap<Topology, Map<string, readonly number[]>>()

/** Of keys with so many copies. In ascending order, and the same for `a, b` as for `b, a`. */
export function sharedPartitions(
  topology: Topology,
  copies: number,
  a: string,
  b: string,
): readonly number[] {
  let known = compiled.get(topology)
  if (known === undefined) {
    known = new Map()
    compiled.set(topology, known)
  }
  const name = `${copies} ${a} ${b}`
  const shared = known.get(name) ?? compile(topology, copies, [a, b])
  known.set(name, shared)
  return shared
}

function compile(topology: Topology, copies: number, pair: readonly string[]): readonly number[] {
  const indexes = pair.map((node) => topology.members.findIndex(({ id }) => id === node))
  const shared: number[] = []
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const holders = holdersOf(topology, partition, copies)
    if (indexes.every((index) => holders.has(index))) shared.push(partition)
  }
  return Object.freeze(shared)
}
