/**
 * Drops what this node still holds of deleted buckets: records, hints for other nodes, promises of strong keys, and
 * damaged records in quarantine. Nothing of it could be read any more, because no other bucket has the same name
 * (core/placement/bucket-name.ts). Until it is dropped, it takes space, and its hints hold back the horizon.
 *
 * It runs in the background, page by page, after the start and after each deletion. It drops only what the durable
 * topology document shows to be deleted. It finds the records by the key index, so it looks again if damage may have
 * hidden entries of that index.
 */
import { AssertionError } from '../../core/assert.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { Topology } from '../../core/placement/topology.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timers } from '../../ports/timers.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { dropRecord } from '../storage/partition-drop.ts'
import { type RecordPage, readPage } from '../storage/record-page.ts'
import {
  ALL_LISTED,
  ALL_QUARANTINED,
  dataKey,
  listedAfter,
  listKey,
  listRange,
  parseDataKey,
  parseHintKey,
  quarantinedKey,
} from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

/** Records that are dropped in parallel. */
const PAGE = 256
/** The pause after a page, so that clients' requests come first. */
const PAGE_PAUSE_MS = 20
const RETRY_INTERVAL_MS = 500

export interface DeletedBucketsParts {
  readonly keeper: TopologyKeeper
  readonly table: ObjectTable
  readonly commits: GroupCommit
  readonly indexes: Pick<IndexRepair, 'whole'>
  readonly hints: HintStore
  /** Forgets the promises of strong keys in these buckets. */
  readonly dropPromises: (isDeleted: (bucket: string) => boolean) => Promise<void>
}

export class DeletedBuckets {
  readonly #disk: Disk
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: DeletedBucketsParts
  /** The replica counts of buckets that were deleted in this life of the node, until their records are dropped. */
  readonly #copies = new Map<string, number>()
  #isWanted = false
  #isRunning = false
  #isStopped = false

  constructor(
    ports: { disk: Disk; timers: Timers; log: Log; metrics: Metrics },
    parts: DeletedBucketsParts,
  ) {
    this.#disk = ports.disk
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    parts.keeper.adopting.listen((previous, next) => this.#noteDeleted(previous, next))
  }

  /**
   * The replica count of a bucket whose keys are in the hash trees: it exists, or it was deleted in this life. The keys
   * leave the trees with their records.
   */
  copiesOf(bucket: string): number | undefined {
    return this.#parts.keeper.bucket(bucket)?.n ?? this.#copies.get(bucket)
  }

  /** Call after the start of the node. */
  start(): void {
    this.#want()
    this.#parts.keeper.changed.listen(() => {
      if (this.#copies.size > 0) this.#want()
    })
  }

  stop(): void {
    this.#isStopped = true
  }

  #noteDeleted(previous: Topology, next: Topology): void {
    const left = new Set(next.buckets.map(({ name }) => name))
    for (const { name, n } of previous.buckets) if (!left.has(name)) this.#copies.set(name, n)
  }

  #want(): void {
    if (this.#parts.keeper.topology.lastDeletion === undefined) return
    this.#isWanted = true
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false
      try {
        if (!this.#parts.keeper.isDurable()) throw new Error('the topology is being stored')
        const known = [...this.#copies.keys()]
        const isDropped = await this.#parts.indexes.whole(() => this.#drop().then(() => true))
        if (isDropped === undefined) throw new Error('the index of keys is being rebuilt')
        for (const bucket of known) this.#copies.delete(bucket)
      } catch (error) {
        if (error instanceof AssertionError) throw error
        this.#log.debug({ error: String(error) }, 'deleted buckets are dropped later')
        this.#isWanted = true
        await this.#pause(RETRY_INTERVAL_MS)
      }
    }
    this.#isRunning = false
  }

  async #drop(): Promise<void> {
    const { keeper, commits, dropPromises } = this.#parts
    const isDeleted = (bucket: string): boolean => keeper.isDeleted(bucket)
    // Writes from before the deletion may still be on their way to the disk.
    await commits.store([], 'os')
    for (const bucket of await this.#bucketsHere()) {
      if (isDeleted(bucket)) await this.#dropRecords(bucket)
    }
    await this.#dropHints(isDeleted)
    await dropPromises(isDeleted)
    await this.#dropQuarantined(isDeleted)
  }

  /** The names of all buckets of which this disk has a record. Reads one index entry for each. */
  async #bucketsHere(): Promise<string[]> {
    const names: string[] = []
    const [begin, end] = ALL_LISTED
    for (let from = begin; ;) {
      const [entry] = await this.#disk.range(from, end, 1)
      if (entry === undefined) return names
      const name = entry[0].slice(listKey('').length)
      const bucket = name.slice(0, name.indexOf('/'))
      names.push(bucket)
      from = listedAfter(bucket)
    }
  }

  async #dropRecords(bucket: string): Promise<void> {
    const { table, commits } = this.#parts
    const [begin, end] = listRange(bucket, '')
    const base = listKey(`${bucket}/`).length
    for (let from: string | undefined = begin; from !== undefined && !this.#isStopped;) {
      const page: RecordPage = await readPage(this.#disk, from, end, PAGE)
      const keys = page.entries.map(([place]) => place.slice(base))
      const storageKeys = keys.map((key) => dataKey(partitionOf(bucket, key), bucket, key))
      await Promise.all(storageKeys.map((key) => dropRecord({ table, commits }, key)))
      if (keys.length > 0) this.#metrics.count('swept_keys_total', undefined, keys.length)
      from = page.next
      if (from !== undefined) await this.#pause(PAGE_PAUSE_MS)
    }
  }

  /** Rejects if a hint could not be dropped. */
  async #dropHints(isDeleted: (bucket: string) => boolean): Promise<void> {
    const { hints } = this.#parts
    for (const [owner, { sizes }] of hints.owners()) {
      const dropped = [...sizes.keys()].filter((storageKey) =>
        isDeleted(parseHintKey(storageKey)?.bucket ?? ''),
      )
      for (const storageKey of dropped) {
        await new Promise<void>((resolve, reject) => {
          hints.discard(owner, storageKey, (failed) =>
            failed ? reject(new Error('the disk took no delete')) : resolve(),
          )
        })
      }
    }
  }

  async #dropQuarantined(isDeleted: (bucket: string) => boolean): Promise<void> {
    const [begin, end] = ALL_QUARANTINED
    for (let from: string | undefined = begin; from !== undefined;) {
      const page: RecordPage = await readPage(this.#disk, from, end, PAGE)
      const dropped = page.entries.filter(([key]) => {
        const bucket = parseDataKey(quarantinedKey(key))?.bucket
        return bucket !== undefined && isDeleted(bucket)
      })
      const operations = dropped.map(([key]) => ({ type: 'delete', key }) as const)
      if (operations.length > 0) await this.#parts.commits.store(operations, 'os')
      from = page.next
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(ms, resolve))
  }
}
