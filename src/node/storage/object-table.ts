/**
 * This room decides where each record lies on the disk (storage-keys.ts), which writes share an fsync
 * (group-commit.ts), and how damage is found (record-frame.ts, checked-disk.ts). It relies on the disk port alone, and
 * knows nothing of owners or peers. Its invariant: a caller learns of success only once the write is as durable as
 * requested, and damage is never taken for a valid or an absent record.
 *
 * The table holds the objects of one node: a bounded cache over the disk. Every change of a stored object goes through
 * this table.
 *
 * Each entry holds two copies of a key. The *durable* copy survives a crash, so reads return it. The *latest* copy may
 * still be on its way to the disk, and the next write is merged into it. A caller finds an entry and replaces its
 * latest copy in one turn of the event loop, so updates of one key never interleave.
 *
 * Invariants:
 * - The durable copy is the one that the last successful commit of the key stored.
 * - An entry with a commit in progress is never evicted.
 * - A failed commit drops the entry, so that the next caller reads the stored copy from disk.
 */
import { assert } from '../../core/assert.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import { type Disk, DiskError, type DiskOperation } from '../../ports/disk.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Durability, GroupCommit } from './group-commit.ts'
import { recordOperations } from './data-index.ts'
import { ABSENT_COPY, type Copy, decodeRecord, RecordCorruptError } from '../wire/object-record.ts'

/** The memory of an entry apart from its record and key: maps and objects. */
const ENTRY_BYTES = 512
/** Records that one call reads from the disk. */
const LOAD_BATCH_MAX = 512
/**
 * The largest number of callers that wait for the disk. A client's request ends at its deadline, but its caller here
 * waits until the disk answers. Without this bound, callers would pile up while a disk stalls.
 */
export const LOADS_WAITING_MAX = 16_384

export interface Entry {
  readonly storageKey: string
  durable: Copy
  latest: Copy
  /** Number of commits in progress. If it is 0, `latest === durable`. */
  pending: number
  /** The record on disk was damaged and given up, and its replacement is not durable yet. */
  isLost: boolean
  /** Whether the entry was used since the cache last looked at it (`#evict`). */
  touched: boolean
}

export type LoadFailure = DiskError | RecordCorruptError
/** `entry` is valid only until the callback returns. Call `find` again after that. */
export type EntryTaker = (entry: Entry | undefined, failure: LoadFailure | undefined) => void

export class ObjectTable {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #commits: GroupCommit
  readonly #cacheBytesMax: number
  readonly #entries = new Map<string, Entry>()
  #loads = new Map<string, EntryTaker[]>()
  #loadScheduled = false
  #loading = new Map<string, EntryTaker[]>()
  /** Number of callers in `#loads` and `#loading`. */
  #waiting = 0
  #bytes = 0
  /** A durable copy has changed. The order is the one in which the copies became durable. */
  readonly stored = new Signal<[storageKey: string, before: Copy, after: Copy]>()
  /** It is unknown which record the disk holds for the key. */
  readonly uncertain = new Signal<[storageKey: string]>()

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers },
    commits: GroupCommit,
    cacheBytesMax: number,
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#commits = commits
    this.#cacheBytesMax = cacheBytesMax
  }

  get cacheBytes(): number {
    return this.#bytes
  }

  /**
   * Calls `take` with the key's entry: at once if it is cached, otherwise after the disk has answered. Fails at once
   * with `disk_busy` if too many callers wait for the disk.
   */
  find(storageKey: string, take: EntryTaker): void {
    const entry = this.#entries.get(storageKey)
    if (entry !== undefined) {
      entry.touched = true
      take(entry, undefined)
      return
    }
    if (this.#waiting >= LOADS_WAITING_MAX) {
      const message = `${this.#waiting} reads are waiting for the disk`
      take(undefined, new DiskError('disk_busy', 'none', message))
      return
    }
    this.#waiting++
    const waiting = this.#loads.get(storageKey) ?? this.#loading.get(storageKey)
    if (waiting !== undefined) {
      waiting.push(take)
      return
    }
    this.#loads.set(storageKey, [take])
    if (this.#loadScheduled) return
    this.#loadScheduled = true
    this.#timers.soon(() => void this.#load())
  }

  /**
   * Makes `next` the latest copy of the key. Calls `done` once this copy, or a later one, is durable. An absent `next`
   * removes the record. If `next` is unchanged, `done` waits for the commits in progress, because success must mean
   * that the copy is durable. The operations in `beside` are stored in the same batch.
   */
  replace(
    entry: Entry,
    next: Copy,
    durability: Durability,
    done: (failure: DiskError | undefined) => void,
    beside: readonly DiskOperation[] = [],
  ): void {
    assert(this.#entries.get(entry.storageKey) === entry, 'only a current entry is replaced')
    if (next === entry.latest && entry.pending === 0) {
      done(undefined)
      return
    }
    const { storageKey } = entry
    const own = recordOperations(this.#codec, storageKey, entry.latest, next)
    const operations = beside.length === 0 ? own : [...own, ...beside]
    this.#bytes += next.record.length - entry.latest.record.length
    entry.latest = next
    entry.pending++
    this.#commits.add(operations, durability, (failure) => {
      entry.pending--
      if (failure === undefined) this.#stored(entry, next)
      else {
        if (failure.effect === 'unknown') this.uncertain.emit(storageKey)
        // The commits queued behind this one have failed too (group-commit.ts). So the next caller must read the disk.
        this.#drop(entry)
      }
      done(failure)
    })
    if (this.#bytes > this.#cacheBytesMax) this.#evict()
  }

  #stored(entry: Entry, copy: Copy): void {
    const before = entry.durable
    entry.durable = copy
    assert(entry.pending > 0 || entry.latest === copy, 'the last commit stored the latest copy')
    // The hash of the damaged record is not known, so the hash tree cannot subtract it.
    if (entry.isLost) this.uncertain.emit(entry.storageKey)
    else this.stored.emit(entry.storageKey, before, copy)
    entry.isLost = false
  }

  /** Drops the cached entry, so that the next caller reads the disk. Keeps it while a commit is in progress. */
  forget(storageKey: string): void {
    const entry = this.#entries.get(storageKey)
    if (entry !== undefined && entry.pending === 0) this.#drop(entry)
  }

  /**
   * Gives up a record that cannot be read, and returns an empty entry for it. The caller stores a replacement with
   * `replace`. Until that is durable, the empty entry does not mean that the key is absent.
   */
  giveUp(storageKey: string): Entry {
    const entry = this.#adopt(storageKey, ABSENT_COPY)
    entry.isLost = true
    return entry
  }

  /** Call this after the deletion of a damaged record from the disk, also if the deletion has failed. */
  removed(storageKey: string): void {
    this.forget(storageKey)
    this.uncertain.emit(storageKey)
  }

  #adopt(storageKey: string, copy: Copy): Entry {
    const present = this.#entries.get(storageKey)
    if (present !== undefined) return present
    const entry: Entry = {
      storageKey,
      durable: copy,
      latest: copy,
      pending: 0,
      isLost: false,
      touched: true,
    }
    this.#entries.set(storageKey, entry)
    this.#bytes += sizeOf(entry)
    return entry
  }

  async #load(): Promise<void> {
    this.#loadScheduled = false
    const loads = [...this.#loads]
    this.#loads = new Map()
    for (let i = 0; i < loads.length; i += LOAD_BATCH_MAX) {
      const batch = loads.slice(i, i + LOAD_BATCH_MAX)
      for (const [key, takers] of batch) this.#loading.set(key, takers)
      let records: (Uint8Array | undefined)[] | undefined
      let failure: DiskError | undefined
      try {
        records = await this.#disk.getMany(batch.map(([key]) => key))
      } catch (error) {
        failure = error as DiskError
      }
      batch.forEach(([key, takers], index) => {
        this.#loading.delete(key)
        this.#waiting -= takers.length
        assert(this.#waiting >= 0, 'each caller waits for one load')
        const result = failure ?? this.#enter(key, records?.[index])
        for (const take of takers) {
          if (result instanceof Error) take(undefined, result)
          else this.find(key, take)
        }
      })
    }
  }

  #enter(key: string, record: Uint8Array | undefined): Entry | RecordCorruptError {
    const present = this.#entries.get(key)
    if (present !== undefined) return present
    try {
      const copy =
        record === undefined ? ABSENT_COPY : { object: decodeRecord(this.#codec, record), record }
      const entry = this.#adopt(key, copy)
      if (this.#bytes > this.#cacheBytesMax) this.#evict(entry)
      return entry
    } catch (error) {
      const corrupt =
        error instanceof RecordCorruptError
          ? error
          : new RecordCorruptError('not decodable', { cause: error })
      corrupt.damaged = record as Uint8Array
      return corrupt
    }
  }

  #drop(entry: Entry): void {
    if (this.#entries.get(entry.storageKey) !== entry) return
    this.#entries.delete(entry.storageKey)
    this.#bytes -= sizeOf(entry)
    assert(this.#bytes >= 0, 'the cache counts each entry once')
  }

  /** Evicts by second chance (the clock algorithm), which costs less for each access than a strict LRU order. */
  #evict(keep?: Entry): void {
    let steps = this.#entries.size
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#cacheBytesMax || steps-- <= 0) return
      if (entry.pending > 0 || entry === keep) continue
      if (entry.touched) {
        entry.touched = false
        this.#entries.delete(entry.storageKey)
        this.#entries.set(entry.storageKey, entry)
      } else {
        this.#drop(entry)
      }
    }
  }
}

function sizeOf(entry: Entry): number {
  return ENTRY_BYTES + entry.storageKey.length + entry.latest.record.length
}
