/**
 * Whether a machine's directory can be taken away without taking the only copy of anything: what an eventual
 * write was promised is one durable copy, so a world that destroys that copy breaks no promise, and says so by
 * not doing it.
 */
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { compareDots } from '../core/causality/dot.ts'
import { covers } from '../core/causality/version-vector.ts'
import type { Sibling, StoredObject } from '../core/causality/stored-object.ts'
import { partitionOf } from '../core/placement/data-partition.ts'
import { dataKey, parseHintKey } from '../node/storage-keys.ts'
import { decodeRecord } from '../node/object-record.ts'
import type { SimulatedNode } from './simulated-node.ts'

export function isElsewhere(nodes: ReadonlyMap<string, SimulatedNode>, id: string): boolean {
  const node = nodes.get(id) as SimulatedNode
  for (const storageKey of node.platter.keys()) {
    const isCopy = storageKey.startsWith('d/') || storageKey.startsWith('h/')
    if (isCopy && !isKeyElsewhere(nodes, id, storageKey)) return false
  }
  return true
}

/** Whether owners on other machines hold all that this one does of a key, as an owner or as a hint. */
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
  const others = [...nodes.values()].filter((other) => other !== node)
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

/** Where owners keep what a record is about; undefined for anything but a record. */
function dataKeyFor(storageKey: string): string | undefined {
  if (storageKey.startsWith('d/')) return storageKey
  const hint = parseHintKey(storageKey)
  return hint && dataKey(partitionOf(hint.bucket, hint.key), hint.bucket, hint.key)
}

/** The same write; in a last-writer-wins object, which has no vector, a later one too. */
function isAsGood(own: StoredObject, theirs: Sibling, sibling: Sibling): boolean {
  const order = compareDots(theirs, sibling)
  return order === 0 || (own.vector.size === 0 && order > 0)
}

/** Undefined where there is none, or it is damaged. */
function objectAt(node: SimulatedNode, storageKey: string): StoredObject | undefined {
  const record = node.platter.get(storageKey)
  try {
    return record && decodeRecord(msgpackCodec, record)
  } catch {
    return undefined
  }
}
