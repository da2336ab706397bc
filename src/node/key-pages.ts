/**
 * One owner's part of a list of keys: what this node holds of a bucket, in the order of the keys, a page at a time.
 *
 * It reads the key index, and the records of small values only, so a page costs what a page of keys costs, whatever the
 * size of the values.
 */
import type { Codec, Encodable } from '../ports/codec.ts'
import type { Disk } from '../ports/disk.ts'
import type { Timers } from '../ports/timers.ts'
import { compareKeys } from '../core/placement/key-order.ts'
import { partitionOf } from '../core/placement/data-partition.ts'
import { placementAt } from '../core/placement/preference-list.ts'
import type { Bucket } from '../core/placement/topology.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { decodeRecord } from './object-record.ts'
import { decodeHead, encodeHead, headOf, type RecordHead } from './record-head.ts'
import { keyAfter, readPage } from './record-page.ts'
import { dataKey, listKey, listRange } from './storage-keys.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

/** Keys of one page. */
export const PAGE_KEYS_MAX = 1000
/** Keys and heads of one page take about so many bytes: both may be long. */
const PAGE_BYTES_MAX = 512 * 1024
/** Places read in one call, and records with them: each at most 4 KiB (record-head.ts). */
const CHUNK = 256
/** Keys that others own, or whose records are damaged, may be many: after so many places a page ends, however short. */
const PLACES_MAX = 16 * CHUNK
/** Pages made at once, and more that wait for them. */
const PAGES_AT_ONCE = 8
const PAGES_WAITING_MAX = 256
const WAIT_MS_MAX = 5000

/** Everything this node holds with `after < key <= until`; to the end where `until` is undefined. */
export interface OwnerPage {
  readonly until: string | undefined
  readonly entries: readonly ListedRecord[]
}

export interface ListedRecord {
  readonly key: string
  readonly head: RecordHead
}

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
  readonly #limit: ConcurrencyLimit

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers },
    parts: { self: string; keeper: TopologyKeeper },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#self = parts.self
    this.#keeper = parts.keeper
    this.#limit = new ConcurrencyLimit(ports, PAGES_AT_ONCE, PAGES_WAITING_MAX)
  }

  /** Rejects with a `DiskError`, or with `overloaded` where too many pages are being made. */
  page(bucket: Bucket, place: PagePlace): Promise<OwnerPage> {
    return this.#limit.run(WAIT_MS_MAX, () => this.#read(bucket, place))
  }

  async #read(bucket: Bucket, { prefix, after, limit }: PagePlace): Promise<OwnerPage> {
    const [begin, end] = listRange(bucket.name, prefix)
    const base = listKey(`${bucket.name}/`)
    const isPast = after !== '' && compareKeys(after, prefix) >= 0
    let from: string | undefined = isPast ? keyAfter(`${base}${after}`) : begin
    if (compareKeys(from, end) >= 0) return { until: undefined, entries: [] }
    const entries: ListedRecord[] = []
    let bytes = 0
    // One more than asked for, so that a full page knows whether it is the last.
    const chunk = Math.min(CHUNK, limit + 1)
    for (let read = 0; from !== undefined; read += chunk) {
      const places: Awaited<ReturnType<typeof readPage>> = await readPage(
        this.#disk,
        from,
        end,
        chunk,
      )
      const listed = await this.#listed(bucket, base, places.entries)
      for (const [i, entry] of listed.entries()) {
        entries.push(entry)
        bytes += bytesOf(entry)
        if (entries.length < limit && bytes < PAGE_BYTES_MAX) continue
        const isEnd = places.next === undefined && i === listed.length - 1
        return { until: isEnd ? undefined : entry.key, entries }
      }
      const last = places.entries.at(-1)?.[0].slice(base.length)
      if (places.next !== undefined && read >= PLACES_MAX) return { until: last, entries }
      from = places.next
    }
    return { until: undefined, entries }
  }

  /** The listed keys that this node owns, with their heads. */
  async #listed(
    bucket: Bucket,
    base: string,
    places: readonly [key: string, head: Uint8Array][],
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
    let next = 0
    return owned.flatMap(({ key, value }) => {
      const head =
        value.length === 0 ? this.#headOfRecord(records[next++]) : this.#headInPlace(value)
      return head === undefined ? [] : [{ key, head }]
    })
  }

  /** A damaged record tells nothing: the other owners' do, and the scrub finds it (scrub.ts). */
  #headOfRecord(record: Uint8Array | undefined): RecordHead | undefined {
    if (record === undefined) return undefined
    try {
      return headOf(decodeRecord(this.#codec, record))
    } catch {
      return undefined
    }
  }

  #headInPlace(value: Uint8Array): RecordHead | undefined {
    try {
      const [vector, siblings] = this.#codec.decode(value) as unknown[]
      return decodeHead(vector, siblings)
    } catch {
      return undefined
    }
  }
}

/** [until or null, [key, vector, siblings], …]: as it travels. */
export function encodePage({ until, entries }: OwnerPage): Encodable[] {
  return [until ?? null, ...entries.map(({ key, head }): Encodable => [key, ...encodeHead(head)])]
}

/** Undefined for garbage. */
export function decodePage(body: readonly Encodable[]): OwnerPage | undefined {
  const [until, ...entries] = body as unknown[]
  if (until !== null && typeof until !== 'string') return undefined
  try {
    return { until: until ?? undefined, entries: entries.map(decodeListed) }
  } catch {
    return undefined
  }
}

function decodeListed(entry: unknown): ListedRecord {
  const [key, vector, siblings] = entry as unknown[]
  if (typeof key !== 'string') throw new Error('not a listed key')
  return { key, head: decodeHead(vector, siblings) }
}

/** About. */
function bytesOf({ key, head }: ListedRecord): number {
  return key.length + 40 * (1 + head.sizes.length + head.object.vector.size)
}
