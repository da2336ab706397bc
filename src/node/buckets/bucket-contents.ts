/**
 * Whether this node holds anything live of a bucket: a value that is not deleted and has not expired, as a copy or as a
 * hint for another node.
 *
 * For a closed bucket, the answer "nothing" stays true until the deletion is over: no copy is stored in the bucket from
 * the moment in which this node has adopted the document that closed it (closed-bucket.ts), and that document is
 * durable before the answer.
 */
import { liveSiblings, type StoredObject } from '../../core/causality/stored-object.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Timers } from '../../ports/timers.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { HandlersOf } from '../peers/ask-handlers.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { ConcurrencyLimit } from '../service/concurrency-limit.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import { decodeHead } from '../storage/record-head.ts'
import { type RecordPage, readPage } from '../storage/record-page.ts'
import { dataKey, listKey, listRange, parseHintKey } from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { BucketContentsRequest } from '../wire/asks/bucket-asks.ts'
import { type Copy, decodeRecord } from '../wire/object-record.ts'

/** Index entries read in one call, together with their records: each at most 4 KiB (record-head.ts). */
const PAGE = 256
/** Buckets that are looked through at once, and that wait. A look may read many records. */
const LOOKS_AT_ONCE = 1
const LOOKS_WAITING_MAX = 16
const WAIT_MS_MAX = 5000

export interface BucketContentsParts {
  readonly keeper: TopologyKeeper
  readonly hints: HintStore
  readonly commits: GroupCommit
  readonly indexes: IndexRepair
  readonly clock: NodeClock
}

/** This node cannot tell now. */
export class ContentsUnknown extends Error {}

export class BucketContents {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #parts: BucketContentsParts
  readonly #limit: ConcurrencyLimit

  constructor(ports: { disk: Disk; codec: Codec; timers: Timers }, parts: BucketContentsParts) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#parts = parts
    const waiting = { max: LOOKS_WAITING_MAX, timers: ports.timers }
    this.#limit = new ConcurrencyLimit(LOOKS_AT_ONCE, waiting)
  }

  answers(): HandlersOf<'bucket-contents'> {
    return {
      'bucket-contents': (request, asker) => {
        this.live(request, asker.deadlineMs).then(
          (live) => asker.answer({ live }),
          (error: unknown) => asker.refuse({ code: 'not_ready', message: String(error) }),
        )
      },
    }
  }

  /**
   * Resolves with something live in words, or with ''. Rejects if this node cannot tell: it is not at that deletion, or
   * a record is damaged, or the disk fails, or the deadline passes first.
   */
  live(request: BucketContentsRequest, deadlineMs: number): Promise<string> {
    const leftMs = this.#parts.clock.leftMs(deadlineMs)
    return new Promise((resolve, reject) => {
      // A stalled disk answers nothing.
      const timer = this.#timers.after(leftMs, () => reject(late()))
      const looked = this.#limit.run(
        () => this.#look(request, deadlineMs),
        Math.min(leftMs, WAIT_MS_MAX),
      )
      void looked.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  async #look({ bucket, deletion }: BucketContentsRequest, deadlineMs: number): Promise<string> {
    const { keeper, commits, indexes } = this.#parts
    if (deletion !== '' && (keeper.topology.deletion?.id !== deletion || !keeper.isDurable())) {
      throw new ContentsUnknown('the bucket is not closed here, or not durably')
    }
    // Writes from before the bucket was closed may still be on their way to the disk.
    await commits.store([], 'os')
    const key = await indexes.whole(() => this.#liveKey(bucket, deadlineMs))
    if (key === undefined) throw new ContentsUnknown('the index of keys is being rebuilt')
    return key === '' ? this.#liveHint(bucket, deadlineMs) : `the key ${JSON.stringify(key)}`
  }

  /** A live key of the bucket on this disk; '' if there is none. No key is ''. */
  async #liveKey(bucket: string, deadlineMs: number): Promise<string> {
    const [begin, end] = listRange(bucket, '')
    const base = listKey(`${bucket}/`).length
    for (let from: string | undefined = begin; from !== undefined;) {
      this.#refuseLate(deadlineMs)
      const page: RecordPage = await readPage(this.#disk, from, end, PAGE)
      const places = page.entries.map(([place, head]) => ({ key: place.slice(base), head }))
      const small = places.filter(({ head }) => head.length === 0)
      const records = await this.#disk.getMany(
        small.map(({ key }) => dataKey(partitionOf(bucket, key), bucket, key)),
      )
      const objects = new Map(small.map(({ key }, i) => [key, this.#objectIn(records[i])]))
      for (const { key, head } of places) {
        if (this.#isLive(objects.get(key) ?? this.#objectOf(head))) return key
      }
      from = page.next
    }
    return ''
  }

  /** Throws if the record is damaged, or missing although it is listed. */
  #objectIn(record: Uint8Array | undefined): StoredObject {
    if (record === undefined) throw new ContentsUnknown('a record is missing')
    return decodeRecord(this.#codec, record)
  }

  #objectOf(head: Uint8Array): StoredObject {
    return decodeHead(...(this.#codec.decode(head) as [unknown, unknown, unknown])).object
  }

  /** Resolves with the words for a hint of the bucket that holds something live, or with ''. */
  async #liveHint(bucket: string, deadlineMs: number): Promise<string> {
    for (const [owner, { sizes }] of this.#parts.hints.owners()) {
      const hints = [...sizes.keys()].filter((key) => parseHintKey(key)?.bucket === bucket)
      for (const storageKey of hints) {
        this.#refuseLate(deadlineMs)
        const { object } = await this.#hint(storageKey)
        if (this.#isLive(object)) return `a hint for ${owner}`
      }
    }
    return ''
  }

  #hint(storageKey: string): Promise<Copy> {
    return new Promise((resolve, reject) => {
      this.#parts.hints.load(storageKey, (copy, failure) => {
        if (copy === undefined) reject(failure ?? new ContentsUnknown('a hint cannot be read'))
        else resolve(copy)
      })
    })
  }

  /** Once nobody waits for the answer, the next look begins. */
  #refuseLate(deadlineMs: number): void {
    if (this.#parts.clock.leftMs(deadlineMs) === 0) throw late()
  }

  #isLive(object: StoredObject): boolean {
    return liveSiblings(object, this.#parts.clock.nowMs()).length > 0
  }
}

function late(): ContentsUnknown {
  return new ContentsUnknown('it did not look through the bucket in time')
}
