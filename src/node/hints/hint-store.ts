/**
 * Writes kept for owners that were out of reach: durable, merged into one object per (owner, key), bounded in
 * bytes per owner. Delivery is hint-delivery.ts.
 *
 * The bound counts each hint with a fixed cost beside its record, so it bounds their number, and the memory that they
 * take, too.
 *
 * A hint is never a reason to fail a write: over the bound it is dropped and counted, and read repair and
 * anti-entropy bring the owner up to date instead.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { shrinkExpired } from '../../core/causality/expired-value.ts'
import { newestDot, type StoredObject } from '../../core/causality/stored-object.ts'
import { isTypeMode } from '../../core/placement/topology.ts'
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

/** Hints read at the start in one call. */
const SCAN_PAGE = 64
/** More than a hint takes beside its record: its entries in memory (about 130 bytes), its key, and its place on the disk. */
export const HINT_COST_BYTES = 512

export interface OwnerHints {
  /** Storage key → bytes of its record, oldest first. */
  readonly sizes: Map<string, number>
  bytes: number
  dropped: number
}

export class HintStore {
  /** Storage key → a dot that is kept for an owner and may be nowhere else: the oldest one. */
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
  /** Told of each hint that is new, and of each that is gone. */
  onKept: (owner: string) => void = () => undefined
  onGone: () => void = () => undefined

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

  /** Finds the hints of earlier lives on the disk. */
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
    for (const owner of this.#owners.keys()) this.onKept(owner)
  }

  /** Keeps `copy` for `owner`; `done` once it is durable. `dropped` says that there was no room for it. */
  keep(
    owner: string,
    at: Location,
    copy: Copy,
    done: (refusal: Refusal | 'dropped' | undefined) => void,
  ): void {
    const storageKey = hintKey(owner, at.bucket.name, at.key)
    if (!this.#hasRoom(owner, storageKey, copy)) {
      done('dropped')
      return
    }
    // The write that is handed over is the newest of its copy; what else is in there the owners have, or
    // another hint.
    this.#note(storageKey, newestDot(copy.object))
    this.#table.find(storageKey, (entry, failure) => {
      if (entry === undefined) {
        // A hint that cannot be read is only another way to bring the owner up to date.
        this.recount(owner, storageKey)
        done({ code: 'storage_failed', message: String(failure) })
        return
      }
      const next = mergeCopies(this.#codec, modeOf(at.bucket), entry.latest, copy)
      const isFull = this.#isTooLarge(at, next) || !this.#hasRoom(owner, storageKey, next)
      if (next !== entry.latest && isFull) {
        this.recount(owner, storageKey)
        done('dropped')
        return
      }
      // What it replaces is there until this is stored, and stays where it is not.
      const before = this.#of(owner).sizes.get(storageKey) ?? 0
      this.#count(owner, storageKey, Math.max(before, next.record.length))
      // Once more: an older hint of the key may have been delivered, and forgotten, since.
      this.#note(storageKey, newestDot(copy.object))
      this.#table.replace(entry, next, at.bucket.durability, (failed) => {
        if (failed !== undefined) this.recount(owner, storageKey)
        else {
          if (entry.pending === 0) this.#count(owner, storageKey, entry.latest.record.length)
          this.#metrics.count('hints_stored_total', { peer: owner })
        }
        this.onKept(owner)
        done(failed && refusalOf(failed))
      })
    })
  }

  /** What is kept of a key for any owner, merged. */
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

  /** The copy to deliver: absent where there is none any more, or not yet. */
  load(storageKey: string, take: (copy: Copy | undefined, failure?: LoadFailure) => void): void {
    this.#table.find(storageKey, (entry, failure) => take(entry?.durable, failure))
  }

  /**
   * Removes a hint that was delivered as `delivered`, unless something newer has been kept meanwhile, or it cannot be
   * read now. Calls `done` once that is settled; with `failed` where the disk does not take it: then the hint is there
   * as before. It counts until it is gone, so that its room is still its own where it stays.
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
      // Not synced: a hint that is still there after a crash is only delivered twice.
      this.#table.replace(entry, ABSENT_COPY, 'os', (failure) => {
        this.recount(owner, storageKey)
        done(failure !== undefined)
      })
    })
  }

  /** Owners refuse such writes; those that stand in for them must not gather them meanwhile. */
  #isTooLarge({ bucket }: Location, { object, record }: Copy): boolean {
    const { length } = object.siblings
    if (isTypeMode(bucket.mode) || length < 2) return false
    return length > SIBLINGS_MAX || record.length > this.#objectBytesMax
  }

  /** Whether a hint of that record is within the bound; counts it as dropped where it is not. */
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

  /** It is for the disk to say whether there is a hint: after a failed write, and where one was not found. */
  recount(owner: string, storageKey: string): void {
    this.#table.find(storageKey, (entry) => {
      if (entry === undefined) {
        // Not readable now: counted as if there were one, it is looked at again when it is to be delivered.
        this.#count(owner, storageKey, this.#of(owner).sizes.get(storageKey) ?? 0)
        return
      }
      if (entry.pending > 0) return
      const bytes = entry.latest.record.length
      if (bytes === 0) {
        this.#discount(owner, storageKey)
        this.onGone()
        return
      }
      this.#count(owner, storageKey, bytes)
      this.#note(storageKey, oldestOf(entry.latest.object))
    })
  }

  /** Puts a hint behind the others, so that one that its owner refuses does not hold them up. */
  postpone(owner: string, storageKey: string): void {
    const { sizes } = this.#of(owner)
    const bytes = sizes.get(storageKey)
    if (bytes === undefined) return
    sizes.delete(storageKey)
    sizes.set(storageKey, bytes)
  }

  /** Takes the bytes from values in a hint that had expired at `untilMs`. Resolves once that is settled. */
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

  /** Gives up a hint that can never be delivered; calls `done` once it is gone, or, with `failed`, is there as before. */
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

  owners(): ReadonlyMap<string, OwnerHints> {
    return this.#owners
  }

  /** No write that is kept here is older; Infinity where nothing is kept. */
  lowest(): Timestamp {
    if (this.#lowest === undefined) {
      this.#lowest = Infinity
      for (const oldest of this.#oldest.values()) this.#lowest = Math.min(this.#lowest, oldest)
    }
    return this.#lowest
  }

  /** The owner that a damaged hint names may not exist: nobody would ever ask for the hint, or deliver it. */
  async #giveUp(storageKey: string): Promise<void> {
    this.#metrics.count('corrupt_records_total')
    this.#metrics.count('hints_dropped_total', { peer: parseHintKey(storageKey)?.owner ?? '' })
    await this.#commits.store([{ type: 'delete', key: storageKey }], 'os')
  }

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
    this.#metrics.gauge('hints_pending', hints.sizes.size, { peer: owner })
    this.#metrics.gauge('hints_pending_bytes', hints.bytes, { peer: owner })
  }
}

/** Undefined where the record is damaged. */
function oldestIn(codec: Codec, record: Uint8Array): Timestamp | undefined {
  try {
    return oldestOf(decodeRecord(codec, record))
  } catch {
    return undefined
  }
}

/** It is not known which siblings of an earlier life's hint the owner lacks, so the oldest of them counts. */
function oldestOf(object: StoredObject): Timestamp {
  return Math.min(newestDot(object), ...object.siblings.map(({ timestamp }) => timestamp))
}
