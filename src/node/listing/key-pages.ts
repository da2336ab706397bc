/**
 * One owner's part of a list: the keys of a bucket that this node holds, in key order, one page at a time.
 *
 * It reads the key index, and the records of small values only. So the cost of a page does not depend on the size of
 * the values.
 *
 * Invariant: a page never hides damage. There is no page while the index is being rebuilt (index-repair.ts), and a page
 * names the data partitions in which a record is damaged.
 */
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Timers } from '../../ports/timers.ts'
import { compareKeys } from '../../core/placement/key-order.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import { QuorateError } from '../../core/errors.ts'
import { Signal } from '../../core/signal.ts'
import { ConcurrencyLimit } from '../service/concurrency-limit.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import type { ListedRecord, OwnerPage } from './list-page.ts'
import { decodeRecord } from '../wire/object-record.ts'
import { encodeHead, headOf } from '../storage/record-head.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import { dataKey, listKey, listRange } from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

/** Keys of one page. */
export const PAGE_KEYS_MAX = 1000
/** Approximate bound of the keys and heads of one page, in bytes. Both may be long. */
const PAGE_BYTES_MAX = 512 * 1024
/** Index entries read in one call, together with their records: each at most 4 KiB (record-head.ts). */
const CHUNK = 256
/** A page ends after this many index entries, however few keys it has: many may belong to others, or be damaged. */
const PLACES_MAX = 16 * CHUNK
/**
 * Bounds of the pages made at once and of those that wait. They are low, because pages take time from reads and writes.
 */
const PAGES_AT_ONCE = 2
const PAGES_WAITING_MAX = 256
const WAIT_MS_MAX = 5000

export interface PagePlace {
  readonly prefix: string
  readonly after: string
  readonly limit: number
}

export class KeyPages {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #self: string
  readonly #keeper: TopologyKeeper
  readonly #indexes: IndexRepair
  readonly #limit: ConcurrencyLimit
  readonly #replaceVanished: (storageKey: string) => Promise<void>
  /** A record is damaged. */
  readonly corrupt = new Signal<[storageKey: string]>()

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers },
    parts: {
      self: string
      keeper: TopologyKeeper
      indexes: IndexRepair
      /** Called for a key that is listed but has no record (vanished-record.ts). Rejects with a `DiskError`. */
      replaceVanished: (storageKey: string) => Promise<void>
    },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#self = parts.self
    this.#keeper = parts.keeper
    this.#indexes = parts.indexes
    this.#replaceVanished = parts.replaceVanished
    this.#limit = new ConcurrencyLimit(PAGES_AT_ONCE, {
      max: PAGES_WAITING_MAX,
      timers: ports.timers,
    })
  }

  /** Rejects with a `DiskError`, with `storage_failed` if the index is damaged, or with `overloaded`. */
  page(bucket: Bucket, place: PagePlace): Promise<OwnerPage> {
    return this.#limit.run(async () => {
      const page = await this.#indexes.whole(() => this.#read(bucket, place))
      if (page !== undefined) return page
      throw new QuorateError('storage_failed', 'the index of keys is damaged and is being rebuilt')
    }, WAIT_MS_MAX)
  }

  async #read(bucket: Bucket, { prefix, after, limit }: PagePlace): Promise<OwnerPage> {
    const [begin, end] = listRange(bucket.name, prefix)
    const base = listKey(`${bucket.name}/`)
    const isPast = after !== '' && compareKeys(after, prefix) >= 0
    let from: string | undefined = isPast ? keyAfter(`${base}${after}`) : begin
    const entries: ListedRecord[] = []
    const doubtful: number[] = []
    if (compareKeys(from, end) >= 0) return { until: undefined, entries, doubtful }
    let bytes = 0
    // One more than asked for, so that a full page knows whether it is the last one.
    const chunk = Math.min(CHUNK, limit + 1)
    for (let read = 0; from !== undefined; read += chunk) {
      const places: Awaited<ReturnType<typeof readPage>> = await readPage(
        this.#disk,
        from,
        end,
        chunk,
      )
      const listed = await this.#listed(bucket, base, places.entries, doubtful)
      for (const [i, entry] of listed.entries()) {
        entries.push(entry)
        bytes += bytesOf(entry)
        if (entries.length < limit && bytes < PAGE_BYTES_MAX) continue
        const isEnd = places.next === undefined && i === listed.length - 1
        return { until: isEnd ? undefined : entry.key, entries, doubtful }
      }
      const last = places.entries.at(-1)?.[0].slice(base.length)
      if (places.next !== undefined && read >= PLACES_MAX) return { until: last, entries, doubtful }
      from = places.next
    }
    return { until: undefined, entries, doubtful }
  }

  /** The listed keys that this node owns, with their heads. Adds the partitions of damaged records to `doubtful`. */
  async #listed(
    bucket: Bucket,
    base: string,
    places: readonly [key: string, head: Uint8Array][],
    doubtful: number[],
  ): Promise<ListedRecord[]> {
    const { topology } = this.#keeper
    const owned = places.flatMap(([place, value]) => {
      const key = place.slice(base.length)
      const partition = partitionOf(bucket.name, key)
      const isOwner = placementAt(topology, bucket.n, partition).owners.includes(this.#self)
      return isOwner ? [{ key, partition, value }] : []
    })
    const small = owned.filter(({ value }) => value.length === 0)
    const records = await this.#disk.getMany(
      small.map(({ key, partition }) => dataKey(partition, bucket.name, key)),
    )
    const absent = small.filter((_, i) => records[i] === undefined)
    if (absent.length > 0) await this.#doubtVanished(bucket, absent, doubtful)
    let next = 0
    return owned.flatMap(({ key, partition, value }) => {
      const record = value.length === 0 ? records[next++] : value
      if (record === undefined) return []
      try {
        return [{ key, head: value.length === 0 ? this.#headOf(record) : value }]
      } catch {
        doubtful.push(partition)
        this.corrupt.emit(dataKey(partition, bucket.name, key))
        return []
      }
    })
  }

  /**
   * A delete removes a record and its index entry in one batch. So if a record is absent and its entry is still there,
   * the record has vanished from the disk. Read the records again, before the entries: a delete since the first read
   * removes both.
   */
  async #doubtVanished(
    bucket: Bucket,
    absent: readonly { readonly key: string; readonly partition: number }[],
    doubtful: number[],
  ): Promise<void> {
    const storageKeys = absent.map(({ key, partition }) => dataKey(partition, bucket.name, key))
    const places = absent.map(({ key }) => listKey(`${bucket.name}/${key}`))
    const found = await this.#disk.getMany([...storageKeys, ...places])
    for (const [i, storageKey] of storageKeys.entries()) {
      const isListed = found[absent.length + i] !== undefined
      if (found[i] !== undefined || !isListed) continue
      doubtful.push((absent[i] as { partition: number }).partition)
      await this.#replaceVanished(storageKey)
    }
  }

  #headOf(record: Uint8Array): Uint8Array {
    return this.#codec.encode(encodeHead(headOf(decodeRecord(this.#codec, record))))
  }
}

/** Approximate, because a key is counted in UTF-16 units. */
function bytesOf({ key, head }: ListedRecord): number {
  return key.length + head.length
}
