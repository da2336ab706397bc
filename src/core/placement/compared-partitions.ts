/** The data partitions that a node compares with another one: the node keeps them, and the other has copies of them. */
import { isHolder, isKeeper } from './preference-list.ts'
import { copyCounts, PARTITION_COUNT, type Topology } from './topology.ts'

/** For each topology, n and pair of nodes. Computed once, because peers compare their copies each second. */
const compiled = new WeakMap<Topology, Map<string, readonly number[]>>()

/**
 * For keys with that replica count, in ascending order. While a partition moves, a next owner compares with its owners,
 * but they do not compare with it. After the move the new owners compare with the old owner, but it does not compare
 * with them.
 */
export function comparedPartitions(
  topology: Topology,
  copies: number,
  asker: string,
  asked: string,
): readonly number[] {
  let known = compiled.get(topology)
  if (known === undefined) {
    known = new Map()
    compiled.set(topology, known)
  }
  const name = `${copies} ${asker} ${asked}`
  const shared = known.get(name) ?? compile(topology, copies, asker, asked)
  known.set(name, shared)
  return shared
}

/** Whether the node compares partitions with the other one that it did not compare by the topology before. */
export function hasMoreToCompare(
  before: Topology,
  next: Topology,
  asker: string,
  asked: string,
): boolean {
  return copyCounts(next).some((copies) => {
    const known = new Set(comparedPartitions(before, copies, asker, asked))
    return comparedPartitions(next, copies, asker, asked).some((partition) => !known.has(partition))
  })
}

function compile(
  topology: Topology,
  copies: number,
  asker: string,
  asked: string,
): readonly number[] {
  const compared: number[] = []
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const isCompared =
      isKeeper(topology, copies, partition, asker) && isHolder(topology, copies, partition, asked)
    if (isCompared) compared.push(partition)
  }
  return Object.freeze(compared)
}
