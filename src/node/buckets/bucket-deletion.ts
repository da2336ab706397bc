/**
 * This room decides when a bucket may be deleted, and drops what it held. It relies on `topology` to decide the
 * documents, on `peers` to ask the other members, and on `storage` and `hints` for what this node holds.
 *
 * A forced deletion is one decided document. It does not ask what the bucket holds, and does not wait for members out
 * of reach: until such a member learns of the deletion, it serves the old bucket, and what it stores there is deleted.
 *
 * Any other deletion must not lose an acknowledged write, so it takes these steps:
 * 1. Every member is asked whether it holds anything live. If one does, nothing has changed for anybody.
 * 2. A document closes the bucket. A member that has adopted it stores nothing more in the bucket.
 * 3. Every member that has made this document durable is asked again. An acknowledged write is on the disk of at least
 *    one member, as a copy or as a hint. So if no member holds anything live, there is none.
 * 4. A document removes the bucket, if its members and their copies are those of step 2. Otherwise a document opens the
 *    bucket again.
 *
 * If the node that does this dies in between, the other members open the bucket again after a while. The document of
 * step 4 is then refused, because it names the deletion that has ended.
 */
import { AssertionError } from '../../core/assert.ts'
import { asLabelled, labelOf } from '../../core/placement/bucket-name.ts'
import {
  closeBucket,
  deletableBucket,
  removeBucket,
  removeEmptyBucket,
  reopenBucket,
} from '../../core/placement/bucket-steps.ts'
import type { Bucket, BucketDeletion as Deletion, Topology } from '../../core/placement/topology.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Log } from '../../ports/log.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import { mintTimestamps } from '../identity/mint.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { TopologyRegister } from '../topology/topology-register.ts'
import { BUCKET_CONTENTS, type BucketContentsRequest } from '../wire/asks/bucket-asks.ts'
import { whyNoDeletion } from '../wire/wire-version.ts'
import type { BucketContents } from './bucket-contents.ts'

/** A longer timeout of the client does not count, so that a bucket is never closed for longer than its lease. */
const TIMEOUT_MS_MAX = 20_000
/** After this time, a member opens a closed bucket again: the node that closed it is gone. */
const LEASE_MS = 30_000
/** The members wait so much longer one after the other, so that they do not propose against each other. */
const LEASE_STEP_MS = 1000
/** How long a request may take beyond its timeout, to open the bucket again. */
export const REOPEN_TIMEOUT_MS = 2000
/** A member that cannot answer yet is asked again after this delay. */
const ASK_AGAIN_MS = 100

export interface BucketDeletionParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly register: TopologyRegister
  readonly peers: Peers
  readonly clock: NodeClock
  readonly contents: BucketContents
  /** The members that may speak version 2 of the protocol, also those out of reach. */
  readonly mayBeOld: () => string[]
}

/** What a member has told. */
interface Look {
  readonly node: string
  /** Something live that it holds, in words; '' if it holds nothing live; undefined if it did not tell. */
  readonly live: string | undefined
  /** Why it did not tell. */
  readonly error: string
  readonly ms: number
}

export class BucketDeletion {
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: BucketDeletionParts
  #lease: { readonly id: string; readonly timer: Timer } | undefined
  #isStopped = false

  constructor(ports: { timers: Timers; log: Log }, parts: BucketDeletionParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  /** Call after the start of the node, and after each change of the topology. */
  look(): void {
    const { deletion } = this.#parts.keeper.topology
    if (deletion?.id === this.#lease?.id) return
    this.#lease?.timer.cancel()
    this.#lease = undefined
    if (deletion !== undefined) this.#await(deletion, LEASE_MS)
  }

  stop(): void {
    this.#isStopped = true
    this.#lease?.timer.cancel()
  }

  /**
   * Deletes the bucket with that label, and resolves with it. Rejects with bucket_unknown, bucket_permanent,
   * bucket_not_empty, change_under_way, quorum_unreachable, or outcome_unknown.
   */
  async delete(label: string, isForced: boolean, timeoutMs: number): Promise<Bucket> {
    const { register, clock } = this.#parts
    const endMs = clock.nowMs() + timeoutMs
    const bucket = await register.judged((current) => deletableBucket(current, label), timeoutMs)
    const reason = whyNoDeletion(this.#parts.mayBeOld())
    if (reason !== undefined) {
      throw new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 10 })
    }
    const leftMs = Math.max(0, endMs - clock.nowMs())
    if (isForced) {
      await register.change((current) => removeBucket(current, bucket.name), leftMs)
    } else await this.#deleteEmpty(bucket.name, Math.min(leftMs, TIMEOUT_MS_MAX))
    this.#log.info({ bucket: bucket.name, isForced }, 'a bucket was deleted')
    return asLabelled(bucket)
  }

  async #deleteEmpty(bucket: string, timeoutMs: number): Promise<void> {
    const { register, clock, self } = this.#parts
    const endMs = clock.nowMs() + timeoutMs
    const leftMs = (): number => Math.max(0, endMs - clock.nowMs())
    await this.#expectEmpty({ bucket, deletion: '' }, clock.nowMs() + timeoutMs / 3)
    const [stamp] = await mintTimestamps(clock, 1)
    const deletion: Deletion = { bucket, id: `${self}@${stamp}` }
    try {
      const closed = await register.change((current) => closeBucket(current, deletion), leftMs())
      await this.#expectEmpty({ bucket, deletion: deletion.id }, clock.nowMs() + leftMs() / 2)
      await register.change((current) => removeEmptyBucket(current, deletion, closed), leftMs())
    } catch (error) {
      await this.#reopen(deletion)
      throw error
    }
  }

  /** Rejects with bucket_not_empty, or with quorum_unreachable if a member does not tell in time. */
  async #expectEmpty(request: BucketContentsRequest, endMs: number): Promise<void> {
    const members = this.#parts.keeper.topology.members.map(({ id }) => id)
    const looks = members.map((node) => this.#look(node, request, endMs))
    const label = labelOf(request.bucket)
    // If one member holds a value, the others need not be waited for.
    const holder = await firstOf(looks, ({ live }) => live !== undefined && live !== '')
    if (holder !== undefined) {
      const holds = `${holder.node} holds ${holder.live}`
      const message = `the bucket ${label} is not empty: ${holds}; ?force=true deletes it with all its values`
      throw new QuorateError('bucket_not_empty', message)
    }
    const told = await Promise.all(looks)
    const silent = told.filter(({ live }) => live === undefined)
    if (silent.length === 0) return
    const why = silent.map(({ node, error }) => `${node} (${error})`).join(', ')
    const message =
      `every member must tell that the bucket ${label} is empty; no answer from ${why}; nothing was deleted: ` +
      'retry when all members are up, or use ?force=true'
    throw new QuorateError('quorum_unreachable', message, {
      required: members.length,
      received: members.length - silent.length,
      replicas: told.map(({ node, live, error, ms }) =>
        live === undefined ? { node, status: 'error', error, ms } : { node, status: 'ok', ms },
      ),
      retryAfterSeconds: 5,
    })
  }

  /** Asks the member until it tells, or until `endMs`. */
  async #look(node: string, request: BucketContentsRequest, endMs: number): Promise<Look> {
    const { clock } = this.#parts
    const startMs = clock.nowMs()
    for (;;) {
      const told = await this.#ask(node, request, endMs)
      const nowMs = clock.nowMs()
      const isLast = told.live !== undefined || this.#isStopped || nowMs + ASK_AGAIN_MS >= endMs
      if (isLast) return { node, ms: Math.round(nowMs - startMs), ...told }
      await new Promise<void>((resolve) => void this.#timers.after(ASK_AGAIN_MS, resolve))
    }
  }

  async #ask(
    node: string,
    request: BucketContentsRequest,
    endMs: number,
  ): Promise<Pick<Look, 'live' | 'error'>> {
    const { self, peers, contents } = this.#parts
    if (node === self) {
      return contents.live(request, endMs).then(
        (live) => ({ live, error: '' }),
        (error: unknown) => ({ live: undefined, error: String(error) }),
      )
    }
    const reply = await peers.request(node, BUCKET_CONTENTS, request, endMs)
    if (reply.type === 'ok') return { live: reply.answer.live, error: '' }
    const error = reply.type === 'refused' ? reply.message : 'it is out of reach'
    return { live: undefined, error }
  }

  /** Opens the bucket again. If no majority of the voters is in reach, a member does so later. */
  async #reopen(deletion: Deletion): Promise<void> {
    const open = (current: Topology): Topology | undefined => reopenBucket(current, deletion)
    try {
      await this.#parts.register.change(open, REOPEN_TIMEOUT_MS)
    } catch (error) {
      if (error instanceof AssertionError) throw error
      const fields = { bucket: deletion.bucket, error: String(error) }
      this.#log.warn(fields, 'a bucket takes no writes until its deletion is given up')
    }
  }

  #await(deletion: Deletion, leaseMs: number): void {
    if (this.#isStopped) return
    const { self, keeper } = this.#parts
    const turn = keeper.topology.members.findIndex(({ id }) => id === self)
    const timer = this.#timers.after(leaseMs + turn * LEASE_STEP_MS, () => {
      if (keeper.topology.deletion?.id !== deletion.id) return
      void this.#reopen(deletion).finally(() => {
        if (keeper.topology.deletion?.id === deletion.id) this.#await(deletion, LEASE_STEP_MS)
      })
    })
    this.#lease = { id: deletion.id, timer }
  }
}

/** Resolves with the first result that is wanted, or with undefined once none of them is. */
function firstOf<T>(
  results: readonly Promise<T>[],
  isWanted: (result: T) => boolean,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const looked = results.map(async (result) => {
      const found = await result
      if (isWanted(found)) resolve(found)
    })
    Promise.all(looked).then(() => resolve(undefined), reject)
  })
}
