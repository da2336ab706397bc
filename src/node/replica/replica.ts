/**
 * This room is a node in its role as an owner: it holds copies of keys, merges what arrives, and answers the
 * coordinators that read and write them. It relies on `storage` to make copies durable. It does not decide which keys
 * it keeps, what is history, or whether its copies are complete: those answers come in as functions (`ReplicaParts`).
 *
 * Invariants:
 * - An incoming copy is merged into the one held here; it never replaces it.
 * - Only a durable copy is acknowledged, and only a durable copy is read.
 * - A record that cannot be read is refused, never guessed.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { BEING_FILLED } from './not-ready-reasons.ts'
import {
  equalObjects,
  liveSiblings,
  merge,
  type MergeMode,
  newestSibling,
  type StoredObject,
  uncoveredDots,
} from '../../core/causality/stored-object.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { HeldBefore } from '../../core/replication/write-round.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk, DiskError } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { removalOperations } from '../storage/data-index.ts'
import type { Durability, GroupCommit } from '../storage/group-commit.ts'
import { pruneVector, withoutHistory, withoutOldProposal } from '../../core/repair/horizon.ts'
import {
  APPLY_IS_REPAIR,
  APPLY_REPAIRS_CORRUPT,
  APPLY_REPORT_UNCOVERED,
} from '../wire/asks/copy-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type Copy, decodeRecord, encodeCopy, RecordCorruptError } from '../wire/object-record.ts'
import type { Entry, LoadFailure, ObjectTable } from '../storage/object-table.ts'
import { dataKey, quarantineKey } from '../storage/storage-keys.ts'

/** What this owner held before a copy was merged into its own. The caller knows whether that was whole. */
export type Applied = Omit<HeldBefore, 'isWhole'>

const RECORD_LOST: Refusal = {
  code: 'record_corrupt',
  message: 'the record was damaged and is being replaced',
}
const NOTHING_HELD: Applied = { existed: false, uncovered: [], newest: 0 }

export type AppliedTaker = (applied: Applied | undefined, refusal: Refusal | undefined) => void

/** The key of one request, with its bucket and its data partition. */
export interface Location {
  readonly bucket: Bucket
  readonly key: string
  readonly partition: number
}

export interface ReplicaParts {
  readonly table: ObjectTable
  readonly commits: GroupCommit
  readonly clock: NodeClock
  readonly durability: Durability
  /** A write up to this timestamp that is not held here is *history*: replaced and forgotten (horizon-keeper.ts). */
  readonly horizon: (partition: number) => Timestamp
  /** The refusal if this node does not keep the key; undefined if it does (keeping.ts). */
  readonly notKept: (at: Location) => Refusal | undefined
  /** The refusal if nothing may be stored in the bucket of the key (closed-bucket.ts). */
  readonly closed: (at: Location) => Refusal | undefined
  /** Whether this node's copy of the key is complete (arrival.ts). */
  readonly mayRead: (at: Location) => boolean
}

export class Replica {
  readonly #table: ObjectTable
  readonly #commits: GroupCommit
  readonly #clock: NodeClock
  readonly #durability: Durability
  readonly #codec: Codec
  readonly #disk: Disk
  readonly #log: Log
  readonly #metrics: Metrics
  readonly notKept: ReplicaParts['notKept']
  readonly closed: ReplicaParts['closed']
  readonly horizon: ReplicaParts['horizon']
  readonly mayRead: ReplicaParts['mayRead']
  /** A damaged record is given up: this node has lost writes that it had acknowledged. */
  readonly givenUp = new Signal()
  /** A damaged record of a strong key is given up: this acceptor has lost its promises for that key. */
  readonly registerLost = new Signal<[storageKey: string]>()

  constructor(
    ports: { codec: Codec; disk: Disk; log: Log; metrics: Metrics },
    parts: ReplicaParts,
  ) {
    this.#codec = ports.codec
    this.#disk = ports.disk
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#table = parts.table
    this.#commits = parts.commits
    this.#clock = parts.clock
    this.#durability = parts.durability
    this.notKept = parts.notKept
    this.closed = parts.closed
    this.horizon = parts.horizon
    this.mayRead = parts.mayRead
  }

  /**
   * The refusal if this node must not change its copy of the key now. Call it in the turn of the event loop in which the
   * copy changes.
   */
  notTaken(at: Location): Refusal | undefined {
    return this.notKept(at) ?? this.closed(at)
  }

  /** The refusal if this node's disk takes no writes at the moment. Another owner's disk may take them. */
  diskRefusal(): Refusal | undefined {
    const { state, reason } = this.#disk.health()
    if (state === 'ok') return undefined
    return { code: state === 'full' ? 'storage_full' : 'storage_failed', message: reason }
  }

  /** The refusal if this node takes no writes at the moment. A write must not start then. */
  refusal(): Refusal | undefined {
    const refusal = this.diskRefusal()
    if (refusal !== undefined) return refusal
    if (this.#commits.overloaded) return { code: 'overloaded', message: 'the disk is behind' }
    return undefined
  }

  /** Reads the durable copy. Refuses while this node's copies are being filled. */
  read(at: Location, take: (copy: Copy | undefined, refusal: Refusal | undefined) => void): void {
    const refusal = this.notKept(at)
    if (refusal !== undefined) take(undefined, refusal)
    else if (this.mayRead(at)) this.fetch(at, take)
    else take(undefined, { code: 'not_ready', message: BEING_FILLED })
  }

  /** Reads the durable copy for a comparison, even while copies are being filled. It may lack writes that were lost. */
  fetch(at: Location, take: (copy: Copy | undefined, refusal: Refusal | undefined) => void): void {
    this.find(at, (entry, refusal) => {
      // The entry is empty because its record was lost. An empty answer would be taken for a deleted key.
      if (entry?.isLost === true) take(undefined, RECORD_LOST)
      else take(entry?.durable, refusal)
    })
  }

  /**
   * Finds the newest copy, which may not be durable yet, for a write to build on. The caller must call `replace` in the
   * same turn of the event loop.
   */
  find(at: Location, take: (entry: Entry | undefined, refusal: Refusal | undefined) => void): void {
    this.#table.find(this.#storageKey(at), (entry, failure) => {
      if (entry !== undefined) take(entry, undefined)
      else take(undefined, this.#explain(at, failure as LoadFailure))
    })
  }

  replace(
    at: Location,
    entry: Entry,
    next: Copy,
    done: (refusal: Refusal | undefined) => void,
  ): void {
    this.#table.replace(entry, next, this.durabilityOf(at.bucket), (failure) =>
      done(failure && refusalOf(failure)),
    )
  }

  /**
   * Decodes and checks a record from a peer. Copies its bytes, so that the record does not keep the frame in memory.
   */
  receive(record: Uint8Array): Copy | Refusal {
    const own = new Uint8Array(record)
    let object: StoredObject
    try {
      object = decodeRecord(this.#codec, own)
    } catch (error) {
      return { code: 'bad_message', message: `the record is damaged: ${String(error)}` }
    }
    const newest = newestIn(object)
    if (this.#clock.isTooFarAhead(newest)) {
      return { code: 'clock_drift', message: 'the record has a timestamp too far ahead' }
    }
    this.#clock.observe(newest)
    return { object, record: own }
  }

  /** Merges `incoming` into this node's copy. Calls `done` once the result is durable, or refused. */
  apply(at: Location, incoming: Copy, flags: number, done: AppliedTaker): void {
    const refusal = this.refusal()
    if (refusal !== undefined) {
      done(undefined, refusal)
      return
    }
    this.#table.find(this.#storageKey(at), (found, failure) => {
      let entry = found
      // Check this only now: a key that this node gave up during the load must not change any more.
      const notTaken = this.notTaken(at)
      if (notTaken !== undefined) {
        done(undefined, notTaken)
        return
      }
      if (failure instanceof RecordCorruptError && (flags & APPLY_REPAIRS_CORRUPT) !== 0) {
        entry = this.#setAside(at, failure)
      }
      if (entry === undefined) {
        done(undefined, this.#explain(at, failure as LoadFailure))
        return
      }
      const held = entry.latest
      const mode = modeOf(at.bucket)
      const horizon = this.horizon(at.partition)
      const isLost = failure !== undefined
      // A damaged record does not tell which writes were held before, so no incoming write can be taken for history.
      const news = isLost ? incoming : this.#news(mode, incoming, held, horizon)
      if (news.record.length === 0 && incoming.record.length > 0 && !isRepair(flags)) {
        done(undefined, { code: 'history', message: 'the write is older than the horizon here' })
        return
      }
      const next = mergeCopies(this.#codec, mode, this.#pruned(held, horizon), news)
      if (isLost && next.record.length === 0) {
        // The other owners hold nothing for the key, so the damaged record is removed.
        this.#remove(at, (failed) => done(failed ? undefined : NOTHING_HELD, failed))
        return
      }
      const applied = this.#describe(mode, held.object, incoming.object, next.object, flags)
      this.replace(at, entry, next, (failed) =>
        failed === undefined ? done(applied, undefined) : done(undefined, failed),
      )
    })
  }

  /**
   * Merges this node's copy with another owner's copy, each without the writes that are history to the other side.
   * Calls `done` with the result once it is durable.
   */
  reconcile(
    at: Location,
    theirs: Copy,
    theirHorizon: Timestamp,
    done: (copy: Copy | undefined, refusal: Refusal | undefined) => void,
  ): void {
    const refusal = this.refusal()
    if (refusal !== undefined) {
      done(undefined, refusal)
      return
    }
    this.#table.find(this.#storageKey(at), (found, failure) => {
      let entry = found
      const notTaken = this.notTaken(at)
      if (notTaken !== undefined) {
        done(undefined, notTaken)
        return
      }
      // While this node's copies do not count anyway, a damaged record is filled like a missing one.
      const isLost = failure instanceof RecordCorruptError && !this.mayRead(at)
      if (isLost) entry = this.#setAside(at, failure)
      if (entry === undefined) {
        done(undefined, this.#explain(at, failure as LoadFailure))
        return
      }
      const horizon = this.horizon(at.partition)
      const held = this.#pruned(entry.latest, horizon)
      const mode = modeOf(at.bucket)
      const own = this.#news(mode, held, theirs, theirHorizon)
      const news = this.#news(mode, this.#pruned(theirs, theirHorizon), held, horizon)
      const next = mergeCopies(this.#codec, mode, own, isLost ? theirs : news)
      const finish = (failed: Refusal | undefined): void => done(failed ? undefined : next, failed)
      if (isLost && next.record.length === 0) this.#remove(at, finish)
      else this.replace(at, entry, next, finish)
    })
  }

  durabilityOf({ mode, durability }: Bucket): Durability {
    // Consensus is safe only if no acceptor forgets anything, even after a power failure.
    if (mode === 'strong') return 'sync'
    return this.#durability === 'os' ? 'os' : durability
  }

  /** Deletes a damaged record. */
  #remove(at: Location, done: (refusal: Refusal | undefined) => void): void {
    const storageKey = this.#storageKey(at)
    this.#commits.add(removalOperations(storageKey), 'sync', (failure) => {
      this.#table.removed(storageKey)
      done(failure && refusalOf(failure))
    })
  }

  /** `copy` without the writes that are history to an owner with the copy `held` and this horizon. */
  #news(mode: MergeMode, copy: Copy, held: Copy, horizon: Timestamp): Copy {
    const without = mode === 'strong' ? withoutOldProposal : withoutHistory
    const object = without(copy.object, held.object, horizon)
    if (object === copy.object) return copy
    return encodeCopy(this.#codec, object)
  }

  #pruned(copy: Copy, horizon: Timestamp): Copy {
    const object = pruneVector(copy.object, horizon)
    return object === copy.object ? copy : encodeCopy(this.#codec, object)
  }

  #describe(
    mode: MergeMode,
    held: StoredObject,
    incoming: StoredObject,
    merged: StoredObject,
    flags: number,
  ): Applied {
    const report = mode === 'siblings' && (flags & APPLY_REPORT_UNCOVERED) !== 0
    return {
      existed: liveSiblings(held, this.#clock.nowMs()).length > 0,
      uncovered: report ? uncoveredDots(held, incoming.vector) : [],
      newest: lostBelow(incoming, merged),
    }
  }

  #storageKey(at: Location): string {
    return dataKey(at.partition, at.bucket.name, at.key)
  }

  /** Keeps the damaged bytes in quarantine for an operator, and continues as if nothing had been held. */
  #setAside(at: Location, corrupt: RecordCorruptError): Entry {
    const storageKey = this.#storageKey(at)
    this.#log.warn(
      { bucket: at.bucket.name, partition: at.partition },
      'a damaged record is replaced',
    )
    const aside = { type: 'put', key: quarantineKey(storageKey), value: corrupt.damaged } as const
    this.#commits.add([aside], 'os', () => undefined)
    if (at.bucket.mode === 'strong') this.registerLost.emit(storageKey)
    this.givenUp.emit()
    return this.#table.giveUp(storageKey)
  }

  #explain(at: Location, failure: LoadFailure): Refusal {
    if (!(failure instanceof RecordCorruptError)) return refusalOf(failure)
    this.#metrics.count('corrupt_records_total')
    this.#log.error(
      { bucket: at.bucket.name, partition: at.partition, reason: failure.message },
      'a damaged record was found and is not served',
    )
    return { code: 'record_corrupt', message: `the record is damaged: ${failure.message}` }
  }
}

function isRepair(flags: number): boolean {
  return (flags & APPLY_IS_REPAIR) !== 0
}

export function modeOf({ mode }: Bucket): MergeMode {
  return mode === 'lww' || mode === 'strong' ? mode : 'siblings'
}

/** Merges two copies. If the result equals one side, it reuses the encoded bytes of that side. */
export function mergeCopies(codec: Codec, mode: MergeMode, held: Copy, incoming: Copy): Copy {
  const merged = merge(mode, held.object, incoming.object)
  if (merged === held.object) return held
  if (merged === incoming.object || equalObjects(merged, incoming.object)) return incoming
  return encodeCopy(codec, merged)
}

const REFUSAL_CODES = {
  disk_full: 'storage_full',
  disk_failed: 'storage_failed',
  disk_closed: 'storage_failed',
  disk_busy: 'overloaded',
} as const

export function refusalOf(failure: DiskError): Refusal {
  if (failure.effect === 'unknown') return { code: 'failed', message: failure.message }
  return { code: REFUSAL_CODES[failure.code], message: failure.message }
}

/**
 * The incoming write has lost if its timestamp is below the result. The result is the newest timestamp; it is one above
 * that if another write won at the same timestamp, which two clocks can give.
 */
function lostBelow(incoming: StoredObject, merged: StoredObject): Timestamp {
  const newest = newestSibling(merged)
  const own = newestSibling(incoming)
  if (newest === undefined) return 0
  const isOther = newest.timestamp === own?.timestamp && newest.actor !== own.actor
  return isOther ? newest.timestamp + 1 : newest.timestamp
}

/** The highest timestamp in the object. The object is not validated yet, so the function looks at every part. */
function newestIn(object: StoredObject): Timestamp {
  let { newest } = object.vector
  for (const { timestamp } of object.siblings) newest = Math.max(newest, timestamp)
  return newest
}
