/**
 * A node as an owner: its own copies of the keys, and the asks of coordinators on them.
 *
 * Whatever arrives is merged, never put in place of what is held; "stored" is said only of what is durable;
 * only what is durable is read. What cannot be read is refused, never guessed.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { BEING_FILLED } from './not-ready-reasons.ts'
import {
  ABSENT,
  equalObjects,
  liveSiblings,
  merge,
  type MergeMode,
  newestSibling,
  type StoredObject,
  uncoveredDots,
} from '../../core/causality/stored-object.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
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
  type Refusal,
} from '../wire/messages.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import {
  ABSENT_COPY,
  type Copy,
  decodeRecord,
  encodeCopy,
  encodeDots,
  RecordCorruptError,
} from '../wire/object-record.ts'
import type { Entry, LoadFailure, ObjectTable } from '../storage/object-table.ts'
import { dataKey, quarantineKey } from '../storage/storage-keys.ts'

/** What an owner says of an `apply`. */
export interface Applied {
  /** Whether it held a live value before. */
  readonly existed: boolean
  /** Siblings: dots that the sender's vector did not cover, where it asked for them. */
  readonly uncovered: Encodable[]
  /** Lww: a write at or below this is not what is held now: the newest timestamp, or one more where another write won at it. */
  readonly newest: Timestamp
}

const RECORD_LOST: Refusal = {
  code: 'record_corrupt',
  message: 'the record was damaged, and is being replaced',
}
const NOTHING_HELD: Applied = { existed: false, uncovered: [], newest: 0 }

export type AppliedTaker = (applied: Applied | undefined, refusal: Refusal | undefined) => void

/** The key of one request, with what follows from its bucket. */
export interface Location {
  readonly bucket: Bucket
  readonly key: string
  readonly partition: number
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
  /** Up to here, what is not held is history (horizon-keeper.ts). */
  horizon: (partition: number) => Timestamp = () => 0
  /** Why this node does not keep the key, if so (keeping.ts). */
  notKept: (at: Location) => Refusal | undefined = () => undefined
  /** Whether the own copies of a key are complete (arrival.ts). */
  mayRead: (at: Location) => boolean = () => true
  /** Told when a damaged record was given up: something that this node had said is lost. */
  onGivenUp: () => void = () => undefined
  /** Told of a damaged record of a strong key: with it, what this acceptor had promised is lost. */
  onRegisterLost: (storageKey: string) => void = () => undefined

  constructor(
    ports: { codec: Codec; disk: Disk; log: Log; metrics: Metrics },
    parts: { table: ObjectTable; commits: GroupCommit; clock: NodeClock; durability: Durability },
  ) {
    this.#codec = ports.codec
    this.#disk = ports.disk
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#table = parts.table
    this.#commits = parts.commits
    this.#clock = parts.clock
    this.#durability = parts.durability
  }

  /** Why the own disk takes no writes at this moment, if so: another owner's may. */
  diskRefusal(): Refusal | undefined {
    const { state, reason } = this.#disk.health()
    if (state === 'ok') return undefined
    return { code: state === 'full' ? 'storage_full' : 'storage_failed', message: reason }
  }

  /** Why this node takes no writes at this moment, if so: nothing of a write may be started then. */
  refusal(): Refusal | undefined {
    const refusal = this.diskRefusal()
    if (refusal !== undefined) return refusal
    if (this.#commits.overloaded) return { code: 'overloaded', message: 'the disk is behind' }
    return undefined
  }

  /** The durable copy. Refused while the own copies are being filled. */
  read(at: Location, take: (copy: Copy | undefined, refusal: Refusal | undefined) => void): void {
    const refusal = this.notKept(at)
    if (refusal !== undefined) take(undefined, refusal)
    else if (this.mayRead(at)) this.fetch(at, take)
    else take(undefined, { code: 'not_ready', message: BEING_FILLED })
  }

  /** The durable copy, for comparison: it may lack what this node has lost. */
  fetch(at: Location, take: (copy: Copy | undefined, refusal: Refusal | undefined) => void): void {
    this.#find(at, (entry, refusal) => {
      // Nothing is what is known of it, not what is held: said so, it would be taken for a delete.
      if (entry?.isLost === true) take(undefined, RECORD_LOST)
      else take(entry?.durable, refusal)
    })
  }

  /** The newest copy, perhaps not durable yet, for a write to build on; `replace` it before anything waits. */
  find(at: Location, take: (entry: Entry | undefined, refusal: Refusal | undefined) => void): void {
    this.#find(at, take)
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

  /** Decodes and checks a record that came from a peer, in a copy of its own: a frame must not be kept alive. */
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

  /** Merges `incoming` into the own copy; calls `done` once the result is durable, or refused. */
  apply(at: Location, incoming: Copy, flags: number, done: AppliedTaker): void {
    const refusal = this.refusal()
    if (refusal !== undefined) {
      done(undefined, refusal)
      return
    }
    this.#table.find(this.#storageKey(at), (found, failure) => {
      let entry = found
      // Now, not before: what is given up must not change any more.
      const notKept = this.notKept(at)
      if (notKept !== undefined) {
        done(undefined, notKept)
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
      // A damaged record is no knowledge: nothing is history to it.
      const news = isLost ? incoming : this.#news(mode, incoming, held, horizon)
      if (news.record.length === 0 && incoming.record.length > 0 && !isRepair(flags)) {
        done(undefined, { code: 'history', message: 'it is older than what is settled here' })
        return
      }
      const next = mergeCopies(this.#codec, mode, this.#pruned(held, horizon), news)
      if (isLost && next.record.length === 0) {
        // The others hold nothing of it: then nothing is what it is replaced by.
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
   * Makes the own copy and another owner's one, each without what is history to the other. Calls `done` with
   * the result once it is durable.
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
      const notKept = this.notKept(at)
      if (notKept !== undefined) {
        done(undefined, notKept)
        return
      }
      // While the own copies do not count, a damaged one is only one more to be filled.
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

  /** Takes away a damaged record. */
  #remove(at: Location, done: (refusal: Refusal | undefined) => void): void {
    const storageKey = this.#storageKey(at)
    this.#commits.add(removalOperations(storageKey), 'sync', (failure) => {
      this.#table.removed(storageKey)
      done(failure && refusalOf(failure))
    })
  }

  /** `copy` without what is history to whoever holds `held` with that horizon. */
  #news(mode: MergeMode, copy: Copy, held: Copy, horizon: Timestamp): Copy {
    const without = mode === 'strong' ? withoutOldProposal : withoutHistory
    const object = without(copy.object, held.object, horizon)
    if (object === copy.object) return copy
    return object === ABSENT ? ABSENT_COPY : encodeCopy(this.#codec, object)
  }

  #pruned(copy: Copy, horizon: Timestamp): Copy {
    const object = pruneVector(copy.object, horizon)
    return object === copy.object ? copy : encodeCopy(this.#codec, object)
  }

  durabilityOf({ mode, durability }: Bucket): Durability {
    // Consensus holds only for acceptors that forget nothing, whatever becomes of their machine.
    if (mode === 'strong') return 'sync'
    return this.#durability === 'os' ? 'os' : durability
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
      uncovered: report ? encodeDots(uncoveredDots(held, incoming.vector)) : [],
      newest: newestBeside(incoming, merged),
    }
  }

  #find(
    at: Location,
    take: (entry: Entry | undefined, refusal: Refusal | undefined) => void,
  ): void {
    this.#table.find(this.#storageKey(at), (entry, failure) => {
      if (entry !== undefined) take(entry, undefined)
      else take(undefined, this.#explain(at, failure as LoadFailure))
    })
  }

  #storageKey(at: Location): string {
    return dataKey(at.partition, at.bucket.name, at.key)
  }

  /** Keeps the damaged bytes for a person to look at, and goes on as if nothing had been held. */
  #setAside(at: Location, corrupt: RecordCorruptError): Entry {
    const storageKey = this.#storageKey(at)
    this.#log.warn(
      { bucket: at.bucket.name, partition: at.partition },
      'a damaged record is replaced',
    )
    const aside = { type: 'put', key: quarantineKey(storageKey), value: corrupt.damaged } as const
    this.#commits.add([aside], 'os', () => undefined)
    if (at.bucket.mode === 'strong') this.onRegisterLost(storageKey)
    this.onGivenUp()
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

/** Merges, and keeps the bytes of whichever side the result equals. */
export function mergeCopies(codec: Codec, mode: MergeMode, held: Copy, incoming: Copy): Copy {
  const merged = merge(mode, held.object, incoming.object)
  if (merged === held.object) return held
  if (merged === incoming.object || equalObjects(merged, incoming.object)) return incoming
  return merged === ABSENT ? ABSENT_COPY : encodeCopy(codec, merged)
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

/** By when a write is not replaced by what is held: clocks of two nodes may give the same timestamp, and one wins. */
function newestBeside(incoming: StoredObject, merged: StoredObject): Timestamp {
  const newest = newestSibling(merged)
  const own = newestSibling(incoming)
  if (newest === undefined) return 0
  const isOther = newest.timestamp === own?.timestamp && newest.actor !== own.actor
  return isOther ? newest.timestamp + 1 : newest.timestamp
}

/** The highest timestamp in it; whether its parts are in order is not known yet. */
function newestIn(object: StoredObject): Timestamp {
  let newest = 0
  for (const timestamp of object.vector.values()) newest = Math.max(newest, timestamp)
  for (const { timestamp } of object.siblings) newest = Math.max(newest, timestamp)
  return newest
}
