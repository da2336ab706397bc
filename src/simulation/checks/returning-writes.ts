/**
 * Sends one last write through each member of a healed cluster. A member that still refuses it delays writes although
 * no fault is on.
 */
import type { NodeService, WriteAnswer } from '../../node/service/service.ts'
import { LONG_JUMP_MS } from '../nemesis/sim-nemesis.ts'
import type { Schedule } from '../world/schedule.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'

/** Nodes may have to start, and then wait for a change of the members. */
const START_US = 10_000_000
/**
 * How soon after the last fault writes must be possible again. A node whose clock was ahead and is right again takes no
 * writes until its clock has reached the timestamps that it had given.
 */
export const RETURN_US = LONG_JUMP_MS * 1000 + START_US
export const TOOK_NO_WRITE = 'accepted no write after all clocks had been corrected'
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
  requestId: 'returned',
} as const

/** Writes through each node until it acknowledges. Returns the nodes that have not done so yet, with the reasons. */
export function returningWrites(
  schedule: Schedule,
  nodes: readonly SimulatedNode[],
): ReadonlyMap<string, string> {
  const waiting = new Map(nodes.map(({ id }) => [id, 'no answer']))
  const write = (node: SimulatedNode): void => {
    node.call(
      (service) => readAndWrite(service, `returned-${node.id}`),
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

/**
 * Writes with the context of a read, like a client that retries. Otherwise each attempt of unknown outcome would leave
 * one more sibling. The read is eventual, because a blind write or a quorum read may have to wait for an owner that is
 * being filled while another owner is lost.
 */
async function readAndWrite(service: NodeService, key: string): Promise<WriteAnswer> {
  const { bucket, requestId } = WRITE
  const { context } = await service.get({ bucket, key, level: 'eventual', requestId })
  return service.put({ ...WRITE, key, context })
}
