/**
 * The objects of one node: a bounded cache over the disk, and the only way to change what is stored.
 *
 * For each key it knows the *durable* object (what reads may see: after a crash it is still there) and the
 * *latest* one (what the next write is merged with, perhaps still on its way to the disk). Between finding an
 * entry and replacing its latest object nothing waits, so updates of one key never interleave.
 *
 * Invariant: durable is what the last finished commit of the key stored; an entry with a commit under way is
 * never evicted; the first failed commit drops the entry, so that the truth is read from the disk again.
 */
import { assert } from '../../core/assert.ts'
import type { Codec } from '../../ports/codec.ts'
import { type Disk, DiskError, type DiskOperation } from '../../ports/disk.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Durability, GroupCommit } from './group-commit.ts'
import { recordOperations } from './data-index.ts'
import { ABSENT_COPY, type Copy, decodeRecord, RecordCorruptError } from '../wire/object-record.ts'

/** What an entry costs beside its record and key: maps, objects. */
const ENTRY_BYTES = 512
/** Records read from the disk in one call. */
const LOAD_BATCH_MAX = 512
/**
 * Callers that wait for a record to be read. On a stalled disk a request ends at its deadline, but its caller here waits
 * until the disk answers. So without a bound they would pile up for as long as the disk stalls.
 */
export const LOADS_WAITING_MAX = 16_384

export interface Entry {
  readonly storageKey: string
  durable: Copy
  latest: Copy
  /** Commits under way; `latest === durable` where there is none. */
  pending: number
  /** What the disk holds was damaged and is given up; what replaces it is not durable yet. */
  isLost: boolean
  /** Second-chance bit of the cache. */
  touched: boolean
}

export type LoadFailure = DiskError | RecordCorruptError
/** `entry` is valid only until the callback returns: afterwards look it up again. */
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
  /** Callers in `#loads` and `#loading`. */
  #waiting = 0
  #bytes = 0
  /** Told of each change of a durable object, in the order in which they became so. */
  onStored: (storageKey: string, before: Copy, after: Copy) => void = () => undefined
  /** Told of a key of which it is not known what the disk holds. */
  onUncertain: (storageKey: string) => void = () => undefined

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
   * Calls `take` with the key's entry: at once where it is cached, else after the disk has answered. Fails at once where
   * too many wait for the disk: then nothing is known of the key.
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
   * Makes `next` the latest object of the key; `done` is called once it, or a later one, is durable. An absent
   * `next` removes the record. An unchanged one waits for what is on its way, because "stored" must mean it. `beside`
   * is stored in the same batch.
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
    const operations = [...recordOperations(this.#codec, storageKey, entry.latest, next), ...beside]
    this.#bytes += next.record.length - entry.latest.record.length
    entry.latest = next
    entry.pending++
    this.#commits.add(operations, durability, (failure) => {
      entry.pending--
      if (failure === undefined) this.#stored(entry, next)
      else {
        if (failure.effect === 'unknown') this.onUncertain(storageKey)
        // What was queued behind this commit has failed with it (group-commit.ts): whoever asks now has to
        // see what the disk holds.
        this.#drop(entry)
      }
      done(failure)
    })
    if (this.#bytes > this.#cacheBytesMax) this.#evict()
  }

  #stored(entry: Entry, copy: Copy): void {
    const before = entry.durable
    entry.durable = copy
    // What the damaged record counted for in the trees is not known any more.
    if (entry.isLost) this.onUncertain(entry.storageKey)
    else this.onStored(entry.storageKey, before, copy)
    entry.isLost = false
  }

  /** Forgets what is cached, so that the next reader asks the disk. Not while a commit is under way. */
  forget(storageKey: string): void {
    const entry = this.#entries.get(storageKey)
    if (entry !== undefined && entry.pending === 0) this.#drop(entry)
  }

  /**
   * Begins anew, with nothing, where the record cannot be read. The caller stores what there is to store with
   * `replace`; until that is durable, the entry says nothing of what this node holds.
   */
  giveUp(storageKey: string): Entry {
    const entry = this.#adopt(storageKey, ABSENT_COPY)
    entry.isLost = true
    return entry
  }

  /** A damaged record has been taken from the disk, or may have been. */
  removed(storageKey: string): void {
    this.forget(storageKey)
    this.onUncertain(storageKey)
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
  }

  /** Second chance (clock) in the order of entry: cheaper per access than keeping a strict order of use. */
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
