/**
 * Makes the indexes (data-index.ts) again while the node serves, once a damaged entry was found. What such an entry
 * stood for is not known, because the damage may lie in its key, so all of them are looked at: damaged entries are
 * removed, and what every record needs is stored anew.
 *
 * Invariant: before the first change of an index, the mark that it is torn is durable. So after a crash the next start
 * makes it again (migration.ts). While `isWhole`, every record has its entries, as far as any read has shown. A list of keys that was made
 * while it was not may lack some, and must not be told.
 */
import type { Codec } from '../../ports/codec.ts'
import { type Disk, DiskError } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import { indexOperations } from './data-index.ts'
import type { GroupCommit } from './group-commit.ts'
import { ABSENT_COPY, RecordCorruptError } from '../wire/object-record.ts'
import type { ObjectTable } from './object-table.ts'
import { type RecordPage, readPage } from './record-page.ts'
import { ALL_INDEXES, ALL_RECORDS } from './storage-keys.ts'

/** Entries read in one call, and records mended at once. */
const PAGE = 64
/** After an error of the disk. */
const RETRY_MS = 200

export const INDEXES_MADE = 'the indexes have been made again'
export const REPAIR_FAILED =
  'the indexes could not be made again: trying again until the disk works'

export class IndexRepair {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #log: Log
  readonly #commits: GroupCommit
  readonly #table: ObjectTable
  readonly #markTorn: () => Promise<void>
  /** Damaged entries that were found since the last run began. */
  readonly #damaged = new Set<string>()
  #found = 0
  #isStarted = false
  #isMarked = false
  #isRunning = false
  #isStopped = false

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers; log: Log },
    parts: {
      commits: GroupCommit
      table: ObjectTable
      /** Resolves once the mark is durable. Rejects with a `DiskError`. */
      markTorn: () => Promise<void>
    },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#log = ports.log
    this.#commits = parts.commits
    this.#table = parts.table
    this.#markTorn = parts.markTorn
  }

  get isWhole(): boolean {
    return !this.#isRunning && this.#damaged.size === 0
  }

  /**
   * What `read` gives; undefined where it may lack entries. Looked at before and after: the read may have met a damaged
   * entry, and a repair that ends meanwhile may have added entries behind its cursor.
   */
  async whole<T>(read: () => Promise<T>): Promise<T | undefined> {
    if (!this.isWhole) return undefined
    const found = this.#found
    const told = await read()
    return this.#found === found ? told : undefined
  }

  /** After the migration, which would remove the mark. Damage that was found before is repaired from now on. */
  start(): void {
    this.#isStarted = true
    if (this.#damaged.size > 0) this.#wake()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** A value was found damaged: where it was an entry, it was left out of what was read. */
  damaged(key: string): void {
    if (!ALL_INDEXES.some(([from]) => key.startsWith(from))) return
    this.#found++
    this.#damaged.add(key)
    if (this.#isStarted) this.#wake()
  }

  #wake(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    this.#timers.soon(() => void this.#run())
  }

  async #run(): Promise<void> {
    this.#log.info({}, 'the indexes are being made again')
    // Until every record has its entries again: what was removed is found damaged by nobody.
    let isMade = false
    let isFailing = false
    while ((!isMade || this.#damaged.size > 0) && !this.#isStopped) {
      try {
        isMade = false
        if (!this.#isMarked) await this.#markTorn()
        this.#isMarked = true
        await this.#findAll()
        const keys = [...this.#damaged]
        await this.#commits.store(
          keys.map((key) => ({ type: 'delete', key })),
          'os',
        )
        // An entry that is found again from now on lay in the way of nothing that is stored below.
        for (const key of keys) this.#damaged.delete(key)
        await this.#storeAll()
        isMade = true
      } catch (error) {
        if (!isFailing) this.#log.error({ reason: String(error) }, REPAIR_FAILED)
        isFailing = true
        await this.#pause()
      }
    }
    this.#isRunning = false
    if (!this.#isStopped) this.#log.info({}, INDEXES_MADE)
  }

  /** Reads all entries, so that every damaged one is reported now. */
  async #findAll(): Promise<void> {
    for (const [begin, end] of ALL_INDEXES) {
      for (let from: string | undefined = begin; from !== undefined && !this.#isStopped;) {
        const page: RecordPage = await readPage(this.#disk, from, end, PAGE)
        from = page.next
      }
    }
  }

  async #storeAll(): Promise<void> {
    const [begin, end] = ALL_RECORDS
    for (let from: string | undefined = begin; from !== undefined && !this.#isStopped;) {
      const page: RecordPage = await readPage(this.#disk, from, end, PAGE)
      await Promise.all(page.entries.map(([storageKey]) => this.#store(storageKey)))
      from = page.next
    }
  }

  /** What lies beside the record. Rejects with a `DiskError`. */
  #store(storageKey: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#table.find(storageKey, (entry, failure) => {
        if (failure instanceof DiskError) {
          reject(failure)
          return
        }
        // A damaged record is listed like any other, so that a list names its partition.
        const damaged = failure instanceof RecordCorruptError ? failure.damaged : undefined
        const copy = damaged ? { ...ABSENT_COPY, record: damaged } : entry?.latest
        if (copy === undefined || entry?.isLost === true) {
          resolve()
          return
        }
        // Behind the writes of the key that are under way, and with them if they fail (group-commit.ts).
        const operations = indexOperations(this.#codec, storageKey, ABSENT_COPY, copy)
        this.#commits.add(operations, 'os', (failed) => (failed ? reject(failed) : resolve()))
      })
    })
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(RETRY_MS, resolve))
  }
}
