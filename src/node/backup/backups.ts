/**
 * This room makes backups (README.md): it reaches a cut (backup-cut.ts), and then reads every key as a client would. It
 * relies on `repair` for the horizon, on `peers` for the clocks of the members, and on `requests` for lists and reads.
 * Invariant: a stream of entries that ends has every live key; a stream that misses one rejects. A bucket that is
 * deleted meanwhile is left out, unless the request names it.
 *
 * It reads a few keys ahead of the consumer, bounded in number and in bytes, so that the round trips overlap.
 */
import type { BackupEntry, BackupHeader } from '../../core/backup/backup-parts.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { QuorateError } from '../../core/errors.ts'
import { asLabelled, FIRST_LABELS, labelOf } from '../../core/placement/bucket-name.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Requests } from '../requests/requests.ts'
import type { BackupRequest, BackupStream, ListAnswer, ListedKey } from '../service/service.ts'
import { type CutParts, reachCut } from './backup-cut.ts'
import { backupEntry } from './backup-entry.ts'
import { pause } from './pause.ts'

const KEYS_PER_LIST = 1000
/** Bounds of the keys that are read ahead. One larger key alone is allowed. */
const KEYS_AHEAD = 32
const BYTES_AHEAD = 8 * 1024 * 1024
const LIST_TIMEOUT_MS = 10_000
/** How often one read or list is tried. The pauses between the attempts grow: together they outlast a restart. */
const ATTEMPTS_MAX = 12
const RETRY_PAUSE_MS = 200

export interface BackupParts extends CutParts {
  readonly requests: Requests
}

/** A key that is being read. */
interface Ahead {
  readonly size: number
  readonly entry: Promise<BackupEntry | undefined>
}

export class Backups {
  readonly #timers: Timers
  readonly #parts: BackupParts
  #isStopped = false

  constructor(ports: { timers: Timers }, parts: BackupParts) {
    this.#timers = ports.timers
    this.#parts = parts
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Resolves once the cut is reached. Rejects as `reachCut` does. */
  async start(request: BackupRequest): Promise<BackupStream> {
    const { buckets, covers, atMs, timeoutMs } = request
    const { self, keeper, clock } = this.#parts
    const deadlineMs = clock.nowMs() + timeoutMs
    const isGivenUp = (): boolean => this.#isStopped || request.isGivenUp()
    const asked = { covers, atMs, isGivenUp }
    const cut = await reachCut(this.#timers, this.#parts, asked, deadlineMs)
    // Nothing was asked of the owners yet, so this node may not know the newest buckets.
    if (covers === 'quorum') await this.#meetOwners(isGivenUp, deadlineMs)
    const { topology } = keeper
    const chosen = topology.buckets.filter(
      ({ name }) => buckets === undefined || buckets.includes(labelOf(name)),
    )
    const header: BackupHeader = {
      clusterId: topology.identity ?? topology.clusterId,
      node: self,
      covers,
      cut,
      cutMs: atMs ?? wallMsOf(cut),
      buckets: chosen.map(asLabelled),
    }
    const deleted: string[] = []
    const entries = this.#entries(header, chosen, buckets === undefined ? deleted : undefined)
    return { header, entries, deletedBuckets: () => deleted }
  }

  /**
   * Lists one key from a majority of the owners of every data partition. An answer counts only once this node has the
   * topology of the node that gave it, so afterwards it knows every bucket in which they have acknowledged a write.
   */
  async #meetOwners(isGivenUp: () => boolean, deadlineMs: number): Promise<void> {
    const { keeper, clock } = this.#parts
    for (;;) {
      // This bucket is never deleted, so no reader misses it.
      const bucket = keeper.topology.buckets.find(({ name }) => name === FIRST_LABELS[0]) as Bucket
      try {
        await this.#list(bucket, '', 1)
        return
      } catch (error) {
        const mayPass = error instanceof QuorateError && error.kind.retryable
        if (!mayPass || isGivenUp() || clock.leftMs(deadlineMs) === 0) throw error
      }
      await pause(this.#timers, RETRY_PAUSE_MS)
    }
  }

  /**
   * `buckets`: those of the header, with their names instead of their labels. Adds each of them that is deleted meanwhile
   * to `deleted`, or rejects if that is undefined.
   */
  async *#entries(
    header: BackupHeader,
    buckets: readonly Bucket[],
    deleted: string[] | undefined,
  ): AsyncGenerator<BackupEntry, void, undefined> {
    for (const [index, bucket] of buckets.entries()) {
      try {
        yield* this.#entriesOf(header, index, bucket)
      } catch (error) {
        // The bucket existed at the start.
        const isDeleted = error instanceof QuorateError && error.code === 'bucket_unknown'
        if (!isDeleted || deleted === undefined) throw error
        deleted.push(labelOf(bucket.name))
      }
    }
  }

  async *#entriesOf(
    header: BackupHeader,
    index: number,
    bucket: Bucket,
  ): AsyncGenerator<BackupEntry, void, undefined> {
    const ahead: Ahead[] = []
    let bytes = 0
    for await (const { key, size } of this.#keys(bucket)) {
      while (ahead.length === KEYS_AHEAD || (ahead.length > 0 && bytes + size > BYTES_AHEAD)) {
        const first = ahead.shift() as Ahead
        bytes -= first.size
        const entry = await first.entry
        if (entry !== undefined) yield entry
      }
      const entry = this.#read(header, index, bucket, key)
      // If an earlier key fails, nobody awaits this one.
      entry.catch(() => undefined)
      ahead.push({ size, entry })
      bytes += size
    }
    for (const { entry } of ahead) {
      const read = await entry
      if (read !== undefined) yield read
    }
  }

  async *#keys(bucket: Bucket): AsyncGenerator<ListedKey, void, undefined> {
    let after: string | undefined = ''
    while (after !== undefined) {
      const from: string = after
      const page: ListAnswer = await this.#patiently(() => this.#list(bucket, from))
      yield* page.keys
      after = page.next
    }
  }

  /** Rejects with quorum_unreachable if keys may be missing from the page. */
  async #list({ name }: Bucket, after: string, limit = KEYS_PER_LIST): Promise<ListAnswer> {
    const { requests } = this.#parts
    const page = await requests.list({
      bucket: name,
      prefix: '',
      after,
      limit,
      timeoutMs: LIST_TIMEOUT_MS,
    })
    const { length } = page.missingPartitions
    if (length === 0) return page
    throw new QuorateError(
      'quorum_unreachable',
      `${length} data partitions of bucket ${labelOf(name)} have no majority of their owners in reach`,
    )
  }

  #read(
    { cut }: BackupHeader,
    bucket: number,
    { name, mode }: Bucket,
    key: string,
  ): Promise<BackupEntry | undefined> {
    const level = mode === 'strong' ? 'strong' : 'quorum'
    return this.#patiently(async () => {
      const { requests } = this.#parts
      const answer = await requests.get({ bucket: name, key, level, requestId: 'backup' })
      return backupEntry({ bucket, mode, key }, answer, cut)
    })
  }

  /** Asks again as long as a later attempt may succeed. Rejects with the last error. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#isStopped) throw new QuorateError('not_ready', `${this.#parts.self} is stopping`)
      try {
        return await ask()
      } catch (error) {
        const mayPass =
          error instanceof QuorateError &&
          (error.kind.retryable || error.kind.outcome === 'unknown')
        if (!mayPass || error.code === 'internal' || attempt === ATTEMPTS_MAX) throw error
      }
      await pause(this.#timers, attempt * RETRY_PAUSE_MS)
    }
  }
}
