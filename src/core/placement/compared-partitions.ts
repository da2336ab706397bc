/** What a node compares with another one: the data partitions that it keeps, and the other has something of. */
import { isHolder, isKeeper } from './preference-list.ts'
import { PARTITION_COUNT, type Topology } from './topology.ts'

/** For each topology, n and pair: made once, for peers compare their copies each second. */
const compiled = new WeakMap<Topology, Map<string, readonly number[]>>()

/**
 * Of keys with so many copies; in ascending order. While a partition moves, who will own it compares with its owners,
 * and these not with it; when it has moved, the new owners with who owned it, and that one no more with them.
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
