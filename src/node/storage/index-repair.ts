/**
 * Rebuilds the indexes (data-index.ts) once a damaged entry was found, while the node serves requests. The damage may
 * lie in the key of the entry, so it is unknown which record the entry belonged to. Therefore the repair deletes all
 * damaged entries, and stores the index entries of every record again.
 *
 * Invariants:
 * - Before the first change of an index, a mark that the index is torn is durable. So after a crash the next start
 *   rebuilds it (migration.ts).
 * - While `isWhole` is true, no read has shown that a record lacks an entry. A list of keys that was read while
 *   `isWhole` was false may lack keys, and must not be returned.
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

/** Entries that one call reads, and records that are indexed in parallel. */
const PAGE = 64
/** The pause after an error of the disk. */
const RETRY_MS = 200

export const INDEXES_MADE = 'the indexes have been rebuilt'
export const REPAIR_FAILED = 'the indexes could not be rebuilt: retrying until the disk works'

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
   * Returns the result of `read`, or undefined if it may lack entries. Checks before and after the read, because the
   * read may meet a damaged entry, and because a repair that ends during the read may add entries behind its cursor.
   */
  async whole<T>(read: () => Promise<T>): Promise<T | undefined> {
    if (!this.isWhole) return undefined
    const found = this.#found
    const result = await read()
    return this.#found === found ? result : undefined
  }

  /** Call this after the migration, which would remove the mark. Starts to repair the damage that was found before. */
  start(): void {
    this.#isStarted = true
    if (this.#damaged.size > 0) this.#wake()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Call this when a value was found damaged. If it was an index entry, the read has left it out. */
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
    this.#log.info({}, 'the indexes are being rebuilt')
    // Do not stop halfway: a deleted entry is missing, and no later read can find a missing entry.
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
        // These entries are gone. An entry that is found damaged from now on needs another run.
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

  /** Stores the index entries of a record. Rejects with a `DiskError`. */
  #store(storageKey: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#table.find(storageKey, (entry, failure) => {
        if (failure instanceof DiskError) {
          reject(failure)
          return
        }
        // A damaged record gets its index entries too, so that a list of keys can name its partition.
        const damaged = failure instanceof RecordCorruptError ? failure.damaged : undefined
        const copy = damaged ? { ...ABSENT_COPY, record: damaged } : entry?.latest
        if (copy === undefined || entry?.isLost === true) {
          resolve()
          return
        }
        // These operations are queued behind the key's writes in progress, and fail if those fail (group-commit.ts).
        const operations = indexOperations(this.#codec, storageKey, ABSENT_COPY, copy)
        this.#commits.add(operations, 'os', (failed) => (failed ? reject(failed) : resolve()))
      })
    })
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(RETRY_MS, resolve))
  }
}
