/**
 * Whether a machine may lose its directory without losing the only copy of a write. The store promises an eventual
 * write only one durable copy. If the simulator destroyed that copy, the loss would not be a fault of the store, so the
 * simulator does not do it.
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { compareDots, type Timestamp } from '../../core/causality/dot.ts'
import { covers } from '../../core/causality/version-vector.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { isHolder, preferenceList } from '../../core/placement/preference-list.ts'
import { dataKey, metaKey, parseDataKey, parseHintKey } from '../../node/storage/storage-keys.ts'
import { decodeRecord } from '../../node/wire/object-record.ts'
import { newestTopology } from './sim-membership.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'

/** Whether every copy in the directory also exists elsewhere. `backup` is the directory that replaces it. */
export function isHeldElsewhere(
  nodes: ReadonlyMap<string, SimulatedNode>,
  id: string,
  backup: ReadonlyMap<string, Uint8Array> = new Map(),
): boolean {
  const node = nodes.get(id) as SimulatedNode
  // A node that has left and forgets that would act as a member of the old cluster. Enough such nodes would form one.
  const members = newestTopology(nodes.values())?.members
  if (members?.some((member) => member.id === id) !== true) return false
  for (const storageKey of node.platter.keys()) {
    if (isCopy(storageKey) && !isKeyElsewhere(nodes, id, storageKey)) return false
  }
  return isHistoryElsewhere(nodes, node, backup)
}

function isCopy(storageKey: string): boolean {
  return storageKey.startsWith('d/') || storageKey.startsWith('h/')
}

/**
 * Old versions may still exist somewhere, as copies, hints or in the backup. If this machine knows that such a version
 * was replaced or deleted, another owner must know it too. For a collected delete, only the horizon shows that.
 */
function isHistoryElsewhere(
  nodes: ReadonlyMap<string, SimulatedNode>,
  node: SimulatedNode,
  backup: ReadonlyMap<string, Uint8Array>,
): boolean {
  const all = [...nodes.values()]
  const topology = newestTopology(all)
  if (topology === undefined) return false
  const horizons = new Map(all.map((other) => [other.id, horizonOf(other)]))
  const sources = [backup, ...all.filter((other) => other !== node).map(({ platter }) => platter)]
  for (const source of sources) {
    for (const storageKey of source.keys()) {
      const at = isCopy(storageKey) ? dataKeyFor(storageKey) : undefined
      if (at === undefined) continue
      const old = decoded(source.get(storageKey))
      const name = parseDataKey(at)
      const bucket = topology.buckets.find((known) => known.name === name?.bucket)
      if (old === undefined || name === undefined || bucket === undefined) continue
      const { owners } = preferenceList(topology, bucket, name.key)
      const knows = (id: string, sibling: Sibling): boolean =>
        owners.includes(id) &&
        isHistory(sibling, objectAt(nodes.get(id) as SimulatedNode, at), horizons.get(id) ?? 0)
      const isLost = (sibling: Sibling): boolean =>
        knows(node.id, sibling) &&
        !owners.some((owner) => owner !== node.id && knows(owner, sibling))
      if (old.siblings.some(isLost)) return false
    }
  }
  return true
}

function isHistory(sibling: Sibling, held: StoredObject | undefined, horizon: Timestamp): boolean {
  if (held === undefined) return sibling.timestamp <= horizon
  if (held.siblings.some((own) => compareDots(own, sibling) === 0)) return false
  return (
    sibling.timestamp <= horizon ||
    covers(held.vector, sibling) ||
    (held.vector.size === 0 && held.siblings.some((own) => compareDots(own, sibling) > 0))
  )
}

/** Whether owners on other machines hold everything that this machine holds of a key, as an owner or as a hint. */
export function isKeyElsewhere(
  nodes: ReadonlyMap<string, SimulatedNode>,
  id: string,
  storageKey: string,
): boolean {
  const dataKeyOfIt = dataKeyFor(storageKey)
  if (dataKeyOfIt === undefined) return false
  const node = nodes.get(id) as SimulatedNode
  const own = objectAt(node, storageKey)
  if (own === undefined) return false
  const isHolderOfIt = holdersOf(nodes, dataKeyOfIt)
  const others = [...nodes.values()].filter((other) => other !== node && isHolderOfIt(other.id))
  const copies = others.map((other) => objectAt(other, dataKeyOfIt))
  return own.siblings.every((sibling) =>
    copies.some(
      (copy) =>
        copy !== undefined &&
        (covers(copy.vector, sibling) ||
          copy.siblings.some((theirs) => isAsGood(own, theirs, sibling))),
    ),
  )
}

/**
 * The nodes that own the key, or hold it for new owners. Copies elsewhere may be swept at any time. The copies of a next
 * owner do not count either: an owner that is being refilled takes copies over from owners alone.
 */
function holdersOf(
  nodes: ReadonlyMap<string, SimulatedNode>,
  storageKey: string,
): (id: string) => boolean {
  const topology = newestTopology(nodes.values())
  const at = parseDataKey(storageKey)
  const bucket = topology?.buckets.find(({ name }) => name === at?.bucket)
  if (topology === undefined || at === undefined || bucket === undefined) return () => false
  return (id) => isHolder(topology, bucket.n, at.partition, id)
}

/** The key under which owners store the record or the hinted record; undefined for other storage keys. */
function dataKeyFor(storageKey: string): string | undefined {
  if (storageKey.startsWith('d/')) return storageKey
  const hint = parseHintKey(storageKey)
  return hint && dataKey(partitionOf(hint.bucket, hint.key), hint.bucket, hint.key)
}

/** Whether it is the same write. In a last-writer-wins object, which has no vector, a later write counts too. */
function isAsGood(own: StoredObject, theirs: Sibling, sibling: Sibling): boolean {
  const order = compareDots(theirs, sibling)
  return order === 0 || (own.vector.size === 0 && order > 0)
}

/** 0 if there is no horizon, or it is damaged. Then nothing counts as history at that node. */
function horizonOf({ platter }: SimulatedNode): Timestamp {
  const value = platter.isDoomed ? undefined : platter.get(metaKey('horizon'))
  try {
    return value === undefined ? 0 : (msgpackCodec.decode(value) as Timestamp)
  } catch {
    return 0
  }
}

/** Undefined if there is no record, it is damaged, or its directory is given up at the next start. */
function objectAt({ platter }: SimulatedNode, storageKey: string): StoredObject | undefined {
  return platter.isDoomed ? undefined : decoded(platter.get(storageKey))
}

function decoded(record: Uint8Array | undefined): StoredObject | undefined {
  try {
    return record && decodeRecord(msgpackCodec, record)
  } catch {
    return undefined
  }
}
