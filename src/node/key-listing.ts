/**
 * Lists a bucket's keys in order. They lie scattered over the data partitions, so each owner merges its own
 * ranges, the coordinator merges the owners' pages, and an object is judged live only after the copies of all
 * that answered have been merged: a delete known to one owner hides what another still holds.
 *
 * A partition counts as seen when a majority of its owners answered; the others are named, never left out
 * silently.
 */
import {
  ABSENT,
  liveSiblings,
  merge,
  type Sibling,
  type StoredObject,
} from '../core/causality/stored-object.ts'
import { compareKeys } from '../core/placement/key-order.ts'
import { type Bucket, isTypeMode, PARTITION_COUNT } from '../core/placement/topology.ts'
import { majority } from '../core/quorum/level.ts'
import type { Codec, Encodable } from '../ports/codec.ts'
import type { Disk } from '../ports/disk.ts'
import type { NodeClock } from './node-clock.ts'
import { decodeRecord, decodeVector, encodeVector } from './object-record.ts'
import type { Peers } from './peers.ts'
import { modeOf } from './replica.ts'
import type { ListAnswer, ListedKey, ListRequest } from './service.ts'
import { dataKey, dataRange } from './storage-keys.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

/** Ranges read at once. */
const SCANS_AT_ONCE = 16
/** Entries read of one partition beyond its expected share of a page. */
const SCAN_MARGIN = 8
/** Pages asked of the owners for one page of the client: tombstones and thin pages fill slowly. */
const ROUNDS_MAX = 8

/** One owner's page: everything it holds with `after < key <= until`; to the end where `until` is undefined. */
interface OwnerPage {
  readonly until: string | undefined
  readonly entries: readonly ListedObject[]
}

interface ListedObject {
  readonly key: string
  /** Without its values, whose sizes are in `sizes`, by position. */
  readonly object: StoredObject
  readonly sizes: readonly number[]
}

export class KeyListing {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #self: string
  readonly #keeper: TopologyKeeper
  readonly #peers: Peers
  readonly #clock: NodeClock
  readonly #isComplete: () => boolean

  constructor(
    ports: { disk: Disk; codec: Codec },
    parts: {
      self: string
      keeper: TopologyKeeper
      peers: Peers
      clock: NodeClock
      /** Whether the own copies count. */
      isComplete: () => boolean
    },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#self = parts.self
    this.#keeper = parts.keeper
    this.#peers = parts.peers
    this.#clock = parts.clock
    this.#isComplete = parts.isComplete
  }

  async list(bucket: Bucket, request: ListRequest, deadlineMs: number): Promise<ListAnswer> {
    const keys: ListedKey[] = []
    const answering = new Set(this.#keeper.topology.members.map(({ id }) => id))
    let after = request.after
    for (let round = 1; ; round++) {
      const pages = await this.#askOwners(bucket, { ...request, after }, [...answering], deadlineMs)
      for (const node of answering) if (!pages.has(node)) answering.delete(node)
      const merged = mergePages(bucket, [...pages.values()])
      for (const { key, object, sizes } of merged.entries) {
        const listed = this.#listed(bucket, key, object, sizes)
        if (listed === undefined) continue
        keys.push(listed)
        if (keys.length === request.limit) break
      }
      const full = keys.length === request.limit
      const last = full ? (keys.at(-1) as ListedKey).key : merged.until
      if (last === undefined || full || round === ROUNDS_MAX) {
        return { keys, next: last, missingPartitions: this.#missing(bucket, answering) }
      }
      after = last
    }
  }

  /** Answers the ask `list` with this node's own page. */
  async page(bucket: Bucket, prefix: string, after: string, limit: number): Promise<Encodable[]> {
    const { until, entries } = await this.#ownPage(bucket, prefix, after, limit)
    return [until ?? null, ...entries.map(encodeListed)]
  }

  async #askOwners(
    bucket: Bucket,
    request: ListRequest,
    nodes: readonly string[],
    deadlineMs: number,
  ): Promise<Map<string, OwnerPage>> {
    const { prefix, after, limit } = request
    const pages = new Map<string, OwnerPage>()
    const ask = async (node: string): Promise<void> => {
      if (node === this.#self) {
        if (!this.#isComplete()) return
        pages.set(node, await this.#ownPage(bucket, prefix, after, limit))
        return
      }
      const reply = await this.#peers.request(
        node,
        'list',
        [bucket.name, prefix, after, limit],
        deadlineMs,
      )
      const page = reply.type === 'ok' ? decodePage(reply.body) : undefined
      if (page !== undefined) pages.set(node, page)
    }
    await Promise.all(nodes.map(ask))
    return pages
  }

  async #ownPage(bucket: Bucket, prefix: string, after: string, limit: number): Promise<OwnerPage> {
    const partitions = this.#ownPartitions(bucket)
    const share = Math.ceil((2 * limit) / Math.max(1, partitions.length)) + SCAN_MARGIN
    const entries: ListedObject[] = []
    let until: string | undefined
    for (let i = 0; i < partitions.length; i += SCANS_AT_ONCE) {
      const scans = partitions
        .slice(i, i + SCANS_AT_ONCE)
        .map((p) => this.#scan(bucket, p, prefix, after, share))
      for (const scanned of await Promise.all(scans)) {
        entries.push(...scanned)
        const last = scanned.at(-1)
        // A partition that has more says nothing of what lies beyond its last key.
        if (last === undefined || scanned.length < share) continue
        if (until === undefined || compareKeys(last.key, until) < 0) until = last.key
      }
    }
    const seen = entries
      .filter(({ key }) => until === undefined || compareKeys(key, until) <= 0)
      .sort((a, b) => compareKeys(a.key, b.key))
    if (seen.length <= limit) return { until, entries: seen }
    const page = seen.slice(0, limit)
    return { until: page.at(-1)?.key, entries: page }
  }

  async #scan(
    bucket: Bucket,
    partition: number,
    prefix: string,
    after: string,
    limit: number,
  ): Promise<ListedObject[]> {
    const [begin, end] = dataRange(partition, bucket.name, prefix)
    const base = dataKey(partition, bucket.name, '')
    const from = after !== '' && compareKeys(after, prefix) >= 0 ? `${base}${after}\u0000` : begin
    if (compareKeys(from, end) >= 0) return []
    const records = await this.#disk.range(from, end, limit)
    return records.map(([storageKey, record]) => {
      const object = this.#decoded(record)
      const sizes = object.siblings.map(({ value }) => value.length)
      return { key: storageKey.slice(base.length), object, sizes }
    })
  }

  /** A damaged record tells nothing: the other owners' do, and the scrub finds it (scrub.ts). */
  #decoded(record: Uint8Array): StoredObject {
    try {
      return decodeRecord(this.#codec, record)
    } catch {
      return ABSENT
    }
  }

  #ownPartitions(bucket: Bucket): number[] {
    const { members, preference } = this.#keeper.topology
    const self = members.findIndex(({ id }) => id === this.#self)
    return preference.flatMap((order, partition) =>
      order.slice(0, bucket.n).includes(self) ? [partition] : [],
    )
  }

  #missing(bucket: Bucket, answering: ReadonlySet<string>): number[] {
    const { members, preference } = this.#keeper.topology
    const missing: number[] = []
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const owners = (preference[partition] as readonly number[]).slice(0, bucket.n)
      const answered = owners.filter((i) => answering.has(members[i]?.id ?? '')).length
      if (answered < majority(owners.length)) missing.push(partition)
    }
    return missing
  }

  #listed(
    bucket: Bucket,
    key: string,
    object: StoredObject,
    sizes: ReadonlyMap<string, number>,
  ): ListedKey | undefined {
    const live = liveSiblings(object, this.#clock.nowMs())
    if (live.length === 0) return undefined
    const size = live.reduce((sum, sibling) => sum + (sizes.get(nameOf(sibling)) ?? 0), 0)
    const dots = live.map(({ actor, timestamp }) => ({ actor, timestamp }))
    // The siblings of a counter or a set are one value.
    return { key, size, siblings: isTypeMode(bucket.mode) ? 1 : live.length, dots }
  }
}

interface MergedEntry {
  readonly key: string
  readonly object: StoredObject
  readonly sizes: ReadonlyMap<string, number>
}

/** What all pages cover: up to the first key beyond which some owner has not looked. */
function mergePages(
  bucket: Bucket,
  pages: readonly OwnerPage[],
): { until: string | undefined; entries: MergedEntry[] } {
  let until: string | undefined
  for (const page of pages) {
    if (page.until !== undefined && (until === undefined || compareKeys(page.until, until) < 0)) {
      until = page.until
    }
  }
  const merged = new Map<
    string,
    { key: string; object: StoredObject; sizes: Map<string, number> }
  >()
  for (const { entries } of pages) {
    for (const { key, object, sizes } of entries) {
      if (until !== undefined && compareKeys(key, until) > 0) continue
      const known = merged.get(key) ?? { key, object, sizes: new Map<string, number>() }
      known.object = merge(modeOf(bucket), known.object, object)
      object.siblings.forEach((sibling, i) => known.sizes.set(nameOf(sibling), sizes[i] as number))
      merged.set(key, known)
    }
  }
  return { until, entries: [...merged.values()].sort((a, b) => compareKeys(a.key, b.key)) }
}

function nameOf({ actor, timestamp }: Sibling): string {
  return `${actor}@${timestamp}`
}

function encodeListed({ key, object, sizes }: ListedObject): Encodable {
  const siblings = object.siblings.flatMap((s, i) => [
    s.actor,
    s.timestamp,
    s.tombstone,
    s.expiresAtMs,
    sizes[i] as number,
  ])
  return [key, encodeVector(object.vector), siblings]
}

const SIBLING_FIELDS = 5
const NO_VALUE = new Uint8Array(0)

/** Undefined for garbage. */
function decodePage(body: readonly Encodable[]): OwnerPage | undefined {
  const [until, ...entries] = body as unknown[]
  if (until !== null && typeof until !== 'string') return undefined
  try {
    return {
      until: until ?? undefined,
      entries: entries.map((entry) => decodeListed(entry as Encodable[])),
    }
  } catch {
    return undefined
  }
}

function decodeListed(entry: readonly Encodable[]): ListedObject {
  const [key, vector, fields] = entry as unknown as [string, Encodable, Encodable[]]
  const siblings: Sibling[] = []
  const sizes: number[] = []
  for (let i = 0; i < fields.length; i += SIBLING_FIELDS) {
    const [actor, timestamp, tombstone, expiresAtMs, size] = fields.slice(i) as [
      string,
      number,
      boolean,
      number,
      number,
    ]
    siblings.push({ actor, timestamp, tombstone, expiresAtMs, value: NO_VALUE, contentType: '' })
    sizes.push(size)
  }
  return { key, object: { vector: decodeVector(vector), siblings }, sizes }
}
