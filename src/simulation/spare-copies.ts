/**
 * Whether a machine's directory can be taken away without taking the only copy of anything: what an eventual
 * write was promised is one durable copy, so a world that destroys that copy breaks no promise, and says so by
 * not doing it.
 */
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { compareDots } from '../core/causality/dot.ts'
import { covers } from '../core/causality/version-vector.ts'
import type { Sibling, StoredObject } from '../core/causality/stored-object.ts'
import { decodeRecord } from '../node/object-record.ts'
import type { SimulatedNode } from './simulated-node.ts'

export function isElsewhere(nodes: ReadonlyMap<string, SimulatedNode>, id: string): boolean {
  const node = nodes.get(id) as SimulatedNode
  for (const storageKey of node.platter.keys()) {
    if (storageKey.startsWith('h/')) return false
    if (storageKey.startsWith('d/') && !isKeyElsewhere(nodes, id, storageKey)) return false
  }
  return true
}

/** Whether other nodes hold all that this one does of a data key. */
export function isKeyElsewhere(
  nodes: ReadonlyMap<string, SimulatedNode>,
  id: string,
  storageKey: string,
): boolean {
  if (!storageKey.startsWith('d/')) return false
  const node = nodes.get(id) as SimulatedNode
  const own = objectAt(node, storageKey)
  if (own === undefined) return false
  const others = [...nodes.values()].filter((other) => other !== node)
  const copies = others.map((other) => objectAt(other, storageKey))
  return own.siblings.every((sibling) =>
    copies.some(
      (copy) =>
        copy !== undefined &&
        (covers(copy.vector, sibling) ||
          copy.siblings.some((theirs) => isAsGood(own, theirs, sibling))),
    ),
  )
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
