/** Reads the logs and the lists of other nodes, and those of this node without a message. */
import { AssertionError } from '../../core/assert.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Sample } from '../../core/watch/following.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Codec } from '../../ports/codec.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { KeyPages, PagePlace } from '../listing/key-pages.ts'
import { type OwnerPage, pageIn } from '../listing/list-page.ts'
import type { Peers } from '../peers/peers.ts'
import { LIST } from '../wire/asks/list-asks.ts'
import { CHANGES, type ChangesAnswer, type ChangesRequest } from '../wire/asks/watch-asks.ts'
import type { ChangePages } from './change-pages.ts'

const ASK_TIMEOUT_MS = 1000
const LIST_TIMEOUT_MS = 5000

export interface LogReaderParts {
  readonly self: string
  readonly peers: Peers
  readonly clock: NodeClock
  readonly changePages: ChangePages
  readonly pages: KeyPages
  /** Whether this node's copies are complete. If not, its own log is left out like that of a silent node. */
  readonly isComplete: () => boolean
}

export class LogReader {
  readonly #codec: Codec
  readonly #parts: LogReaderParts

  constructor(ports: { codec: Codec }, parts: LogReaderParts) {
    this.#codec = ports.codec
    this.#parts = parts
  }

  /** Undefined if the node does not answer. */
  async page(node: string, request: ChangesRequest): Promise<ChangesAnswer | undefined> {
    const { self, peers, clock, changePages, isComplete } = this.#parts
    if (node === self) {
      if (!isComplete()) return undefined
      const page = await changePages.page(request)
      return 'code' in page ? undefined : page
    }
    const deadlineMs = Math.floor(clock.nowMs()) + ASK_TIMEOUT_MS
    const reply = await peers.request(node, CHANGES, request, deadlineMs)
    return reply.type === 'ok' ? reply.answer : undefined
  }

  /** A page of the keys that the node holds. Undefined if the node does not answer. */
  async list(node: string, bucket: Bucket, place: PagePlace): Promise<OwnerPage | undefined> {
    const { self, peers, clock, pages, isComplete } = this.#parts
    if (node === self) {
      return isComplete() ? pages.page(bucket, place).catch(noAnswer) : undefined
    }
    const deadlineMs = Math.floor(clock.nowMs()) + LIST_TIMEOUT_MS
    const request = { bucket: bucket.name, ...place, readsEncodedHeads: true }
    const reply = await peers.request(node, LIST, request, deadlineMs)
    return reply.type === 'ok' ? pageIn(this.#codec, reply.answer) : undefined
  }

  /** The end of the node's log. The node records the bucket from there on. */
  async sample(node: string, bucket: string): Promise<Sample | undefined> {
    const page = await this.page(node, { ...ONLY_THE_END, bucket })
    if (page === undefined) return undefined
    const { life, sequence, stamp } = page
    return { node, life, sequence, stamp }
  }
}

const ONLY_THE_END = { prefix: '', life: 0, after: 0, until: undefined, partitions: [], limit: 0 }

/** The error of a watch that cannot begin, because no log tells the changes of these data partitions. */
export function partitionsUntold(hidden: readonly number[]): QuorateError {
  const names = hidden.slice(0, 8).join(', ') + (hidden.length > 8 ? ', …' : '')
  return new QuorateError(
    'quorum_unreachable',
    `no owner of ${hidden.length} data partitions (${names}) tells its changes: they are out of reach, starting, or of an older version`,
    { retryAfterSeconds: 1 },
  )
}

/** This node is then left out like a silent one. A broken invariant has to end it. */
function noAnswer(error: unknown): undefined {
  if (error instanceof AssertionError) throw error
}
