/**
 * One last write through each member of a cluster in which nothing is wrong any more: a member that refuses it asks
 * for patience that no fault justifies.
 */
import { EMPTY_VECTOR } from '../core/causality/version-vector.ts'
import type { Schedule } from './schedule.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Writes are possible again so soon after the last fault: nodes may have to start first. */
export const RETURN_US = 20_000_000
export const TOOK_NO_WRITE = 'took no write after all clocks had been set right'
const RETRY_US = 100_000
const WRITE = {
  bucket: 'default',
  level: 'quorum',
  content: {
    value: new TextEncoder().encode('returned'),
    contentType: 'text/plain',
    tombstone: false,
    expiresAtMs: 0,
  },
  // A blind write may have to wait for an owner that is being filled while another one is lost.
  context: EMPTY_VECTOR,
  requestId: 'returned',
} as const

/** Writes through each of the nodes until it is acknowledged. Returns the nodes where it is not yet, and why not. */
export function returningWrites(
  schedule: Schedule,
  nodes: readonly SimulatedNode[],
): ReadonlyMap<string, string> {
  const waiting = new Map(nodes.map(({ id }) => [id, 'no answer']))
  const write = (node: SimulatedNode): void => {
    node.call(
      (service) => service.put({ ...WRITE, key: `returned-${node.id}` }),
      (end) => {
        if (end.type === 'answered') waiting.delete(node.id)
        else {
          waiting.set(node.id, end.type === 'failed' ? String(end.error) : end.type)
          schedule.after(RETRY_US, () => write(node))
        }
      },
    )
  }
  for (const node of nodes) write(node)
  return waiting
}
