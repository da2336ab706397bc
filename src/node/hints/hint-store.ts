/**
 * This room keeps writes for owners that were out of reach, and delivers them later (hint-delivery.ts). It relies on
 * `storage` for the hints, on `topology` for the present owners of a key, and on `peers` for the delivery. Only
 * writes at a sloppy level count hints. Invariants: a hint is acknowledged only once it is durable, and it is removed
 * only after its delivery was confirmed, or if it is damaged.
 *
 * The store holds the hints. They are merged into one object for each (owner, key), and bounded in bytes for each
 * owner.
 *
 * Each hint counts its record plus a fixed cost. So the bound also limits the number of hints, and their memory.
 *
 * A write never fails because a hint has no room. The hint is dropped and counted; read repair and anti-entropy then
 * bring the owner up to date.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { shrinkExpired } from '../../core/causality/expired-value.ts'
import { newestDot, type StoredObject } from '../../core/causality/stored-object.ts'
import { isTypeMode } from '../../core/placement/topology.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import { ABSENT_COPY, type Copy, decodeRecord, encodeCopy } from '../wire/object-record.ts'
import type { LoadFailure, ObjectTable } from '../storage/object-table.ts'
import { type RecordPage, readPage } from '../storage/record-page.ts'
import { type Location, mergeCopies, modeOf, refusalOf } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'
import { SIBLINGS_MAX } from '../replica/sibling-limits.ts'
import { ALL_HINTS, hintKey, parseHintKey } from '../storage/storage-keys.ts'

/** Number of hints that one call reads at the start. */
const SCAN_PAGE = 64
/** The fixed cost of a hint: its entries in memory (about 130 bytes), its key, its overhead on disk, and a reserve. */
export const HINT_COST_BYTES = 512

export interface OwnerHints {
  /** Storage key → bytes of the hint's record; the next hint to deliver comes first. */
  readonly sizes: Map<string, number>
  bytes: number
  dropped: number
}

export class HintStore {
  /** Storage key → the oldest timestamp in the hint that the owner may lack. */
  readonly #oldest = new Map<string, Timestamp>()
  #lowest: Timestamp | undefined
  readonly #table: ObjectTable
  readonly #commits: GroupCommit
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #metrics: Metrics
  readonly #bytesPerOwnerMax: number
  readonly #objectBytesMax: number
  readonly #owners = new Map<string, OwnerHints>()
  /** A hint is gone. */
  readonly gone = new Signal()

  constructor(
    ports: { disk: Disk; codec: Codec; metrics: Metrics },
    parts: {
      table: ObjectTable
      commits: GroupCommit
      bytesPerOwnerMax: number
      objectBytesMax: number
    },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#metrics = ports.metrics
    this.#table = parts.table
    this.#commits = parts.commits
    this.#bytesPerOwnerMax = parts.bytesPerOwnerMax
    this.#objectBytesMax = parts.objectBytesMax
  }

  /** Finds the hints on disk from earlier runs of this node. */
  async start(): Promise<void> {
    const [begin, end] = ALL_HINTS
    for (let from: string | undefined = begin; from !== undefined;) {
      const page: RecordPage = await readPage(this.#disk, from, end, SCAN_PAGE)
      for (const [storageKey, record] of page.entries) {
        const parsed = parseHintKey(storageKey)
        const oldest = oldestIn(this.#codec, record)
        if (parsed === undefined || oldest === undefined) {
          await this.#giveUp(storageKey)
          continue
        }
        this.#count(parsed.owner, storageKey, record.length)
        this.#note(storageKey, oldest)
      }
      from = page.next
    }
  }

  /**
   * Keeps `copy` for `owner`. Calls `done` once it is durable, or with `dropped` if there is no room for it. `closed`
   * gives the refusal if nothing may be stored in the bucket any more.
   */
  keep(
    owner: string,
    at: Location,
    copy: Copy,
    closed: (at: Location) => Refusal | undefined,
    done: (refusal: Refusal | 'dropped' | undefined) => void,
  ): void {
    const storageKey = hintKey(owner, at.bucket.name, at.key)
    if (!this.#hasRoom(owner, storageKey, copy)) {
      done('dropped')
      return
    }
    // The write to keep is the newest one of the copy. The owners or other hints already hold the rest of the copy.
    this.#note(storageKey, newestDot(copy.object))
    this.#table.find(storageKey, (entry, failure) => {
      if (entry === undefined) {
        // An unreadable hint loses no write: other mechanisms also bring the owner up to date.
        this.recount(owner, storageKey)
        done({ code: 'storage_failed', message: String(failure) })
        return
      }
      // The hint may have come from the disk, and the bucket may have been closed meanwhile.
      const refusal = closed(at)
      if (refusal !== undefined) {
        this.recount(owner, storageKey)
        done(refusal)
        return
      }
      const next = mergeCopies(this.#codec, modeOf(at.bucket), entry.latest, copy)
      const isFull = this.#isTooLarge(at, next) || !this.#hasRoom(owner, storageKey, next)
      if (next !== entry.latest && isFull) {
        this.recount(owner, storageKey)
        done('dropped')
        return
      }
      // Count the larger of the two records: the old one stays until the new one is stored, or if storing fails.
      const before = this.#of(owner).sizes.get(storageKey) ?? 0
      this.#count(owner, storageKey, Math.max(before, next.record.length))
      // Note it again, because an older hint of the key may have been delivered and forgotten in the meantime.
      this.#note(storageKey, newestDot(copy.object))
      this.#table.replace(entry, next, at.bucket.durability, (failed) => {
        if (failed !== undefined) this.recount(owner, storageKey)
        else {
          if (entry.pending === 0) this.#count(owner, storageKey, entry.latest.record.length)
          this.#metrics.count('hints_stored_total', { peer: owner })
        }
        done(failed && refusalOf(failed))
      })
    })
  }

  /** Reads the hints of a key for all owners, merged into one copy. */
  read(at: Location, take: (copy: Copy) => void): void {
    const keys = [...this.#owners.keys()]
      .map((owner) => hintKey(owner, at.bucket.name, at.key))
      .filter((storageKey) => this.#has(storageKey))
    let merged = ABSENT_COPY
    let waiting = keys.length
    if (waiting === 0) take(merged)
    for (const storageKey of keys) {
      this.#table.find(storageKey, (entry) => {
        if (entry !== undefined) {
          merged = mergeCopies(this.#codec, modeOf(at.bucket), merged, entry.durable)
        }
        if (--waiting === 0) take(merged)
      })
    }
  }

  /** Loads the copy to deliver. The copy is absent if the hint is gone, or not durable yet. */
  load(storageKey: string, take: (copy: Copy | undefined, failure?: LoadFailure) => void): void {
    this.#table.find(storageKey, (entry, failure) => take(entry?.durable, failure))
  }

  /**
   * Removes a hint that was delivered as `delivered`. Leaves it if a newer write was merged into it in the meantime, or
   * if it cannot be read now. `failed`: the disk did not take the removal, and the hint is unchanged. A hint counts
   * against the bound until it is gone.
   */
  remove(
    owner: string,
    storageKey: string,
    delivered: Copy,
    done: (failed: boolean) => void,
  ): void {
    this.#table.find(storageKey, (entry) => {
      if (entry === undefined || entry.latest !== delivered || entry.pending > 0) {
        done(false)
        return
      }
      // No fsync is needed: a hint that reappears after a crash is only delivered twice.
      this.#table.replace(entry, ABSENT_COPY, 'os', (failure) => {
        this.recount(owner, storageKey)
        done(failure !== undefined)
      })
    })
  }

  /**
   * Owners refuse objects with too many or too large siblings, so a stand-in must not collect such an object either.
   */
  #isTooLarge({ bucket }: Location, { object, record }: Copy): boolean {
    const { length } = object.siblings
    if (isTypeMode(bucket.mode) || length < 2) return false
    return length > SIBLINGS_MAX || record.length > this.#objectBytesMax
  }

  /** Whether a hint with this record is within the bound. If not, counts it as dropped. */
  #hasRoom(owner: string, storageKey: string, { record }: Copy): boolean {
    const hints = this.#of(owner)
    const held = hints.sizes.get(storageKey)
    const others = hints.bytes - (held ?? 0)
    const number = hints.sizes.size + (held === undefined ? 1 : 0)
    const costs = number * HINT_COST_BYTES
    if (others + record.length + costs <= this.#bytesPerOwnerMax) return true
    hints.dropped++
    this.#metrics.count('hints_dropped_total', { peer: owner })
    return false
  }

  /** Counts a hint again from the disk, after a failed write or when the hint was not found. */
  recount(owner: string, storageKey: string): void {
    this.#table.find(storageKey, (entry) => {
      if (entry === undefined) {
        // The hint cannot be read now. It counts as present until the next try to deliver it.
        this.#count(owner, storageKey, this.#of(owner).sizes.get(storageKey) ?? 0)
        return
      }
      if (entry.pending > 0) return
      const bytes = entry.latest.record.length
      if (bytes === 0) {
        this.#discount(owner, storageKey)
        this.gone.emit()
        return
      }
      this.#count(owner, storageKey, bytes)
      this.#note(storageKey, oldestOf(entry.latest.object))
    })
  }

  /** Moves a hint behind the others, so that a hint which its owner refuses does not delay them. */
  postpone(owner: string, storageKey: string): void {
    const { sizes } = this.#of(owner)
    const bytes = sizes.get(storageKey)
    if (bytes === undefined) return
    sizes.delete(storageKey)
    sizes.set(storageKey, bytes)
  }

  /** Drops the bytes of the values that had expired at `untilMs`. Resolves once it is done or has failed. */
  shrink(owner: string, storageKey: string, untilMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#table.find(storageKey, (entry) => {
        const object = entry && shrinkExpired(entry.latest.object, untilMs)
        const isLeft = entry === undefined || entry.pending > 0
        if (isLeft || object === undefined || object === entry.latest.object) {
          resolve()
          return
        }
        this.#table.replace(entry, encodeCopy(this.#codec, object), 'os', () => {
          this.recount(owner, storageKey)
          resolve()
        })
      })
    })
  }

  /** Drops a hint that can never be delivered. `failed`: the disk did not take the removal; the hint is unchanged. */
  drop(owner: string, storageKey: string, done: (failed: boolean) => void): void {
    this.#commits.add([{ type: 'delete', key: storageKey }], 'os', (failure) => {
      this.#table.forget(storageKey)
      if (failure === undefined) {
        this.#of(owner).dropped++
        this.#metrics.count('hints_dropped_total', { peer: owner })
        this.recount(owner, storageKey)
      }
      done(failure !== undefined)
    })
  }

  /** Removes a hint of a deleted bucket. `failed`: as for `drop`. */
  discard(owner: string, storageKey: string, done: (failed: boolean) => void): void {
    this.#table.find(storageKey, (entry) => {
      if (entry === undefined) {
        this.drop(owner, storageKey, done)
        return
      }
      this.#table.replace(entry, ABSENT_COPY, 'os', (failure) => {
        this.recount(owner, storageKey)
        done(failure !== undefined)
      })
    })
  }

  owners(): ReadonlyMap<string, OwnerHints> {
    return this.#owners
  }

  /** No write kept here is older than this timestamp. It is Infinity if no hint is kept. */
  lowest(): Timestamp {
    if (this.#lowest === undefined) {
      this.#lowest = Infinity
      for (const oldest of this.#oldest.values()) this.#lowest = Math.min(this.#lowest, oldest)
    }
    return this.#lowest
  }

  /** Removes a damaged hint at the start: the owner in its key may not exist, so it might never be delivered. */
  async #giveUp(storageKey: string): Promise<void> {
    this.#metrics.count('corrupt_records_total')
    this.#metrics.count('hints_dropped_total', { peer: parseHintKey(storageKey)?.owner ?? '' })
    await this.#commits.store([{ type: 'delete', key: storageKey }], 'os')
  }

  /** Records that the hint contains a write of that time. */
  #note(storageKey: string, oldest: Timestamp): void {
    const known = this.#oldest.get(storageKey)
    if (known !== undefined && known <= oldest) return
    this.#oldest.set(storageKey, oldest)
    if (this.#lowest !== undefined) this.#lowest = Math.min(this.#lowest, oldest)
  }

  #unnote(storageKey: string): void {
    if (this.#oldest.get(storageKey) === this.#lowest) this.#lowest = undefined
    this.#oldest.delete(storageKey)
  }

  #has(storageKey: string): boolean {
    for (const { sizes } of this.#owners.values()) if (sizes.has(storageKey)) return true
    return false
  }

  #of(owner: string): OwnerHints {
    const known = this.#owners.get(owner)
    if (known !== undefined) return known
    const fresh: OwnerHints = { sizes: new Map(), bytes: 0, dropped: 0 }
    this.#owners.set(owner, fresh)
    return fresh
  }

  #count(owner: string, storageKey: string, bytes: number): void {
    const hints = this.#of(owner)
    hints.bytes += bytes - (hints.sizes.get(storageKey) ?? 0)
    hints.sizes.set(storageKey, bytes)
    this.#show(owner, hints)
  }

  #discount(owner: string, storageKey: string): void {
    const hints = this.#of(owner)
    hints.bytes -= hints.sizes.get(storageKey) ?? 0
    hints.sizes.delete(storageKey)
    this.#unnote(storageKey)
    this.#show(owner, hints)
  }

  #show(owner: string, hints: OwnerHints): void {
    assert(hints.bytes >= 0, 'the bytes of a hint are counted once')
    this.#metrics.gauge('hints_pending', hints.sizes.size, { peer: owner })
    this.#metrics.gauge('hints_pending_bytes', hints.bytes, { peer: owner })
  }
}

/** Returns undefined if the record is damaged. */
function oldestIn(codec: Codec, record: Uint8Array): Timestamp | undefined {
  try {
    return oldestOf(decodeRecord(codec, record))
  } catch {
    return undefined
  }
}

/** The oldest timestamp in a hint. It counts if it is unknown which of the hint's siblings the owner lacks. */
function oldestOf(object: StoredObject): Timestamp {
  return Math.min(newestDot(object), ...object.siblings.map(({ timestamp }) => timestamp))
}
