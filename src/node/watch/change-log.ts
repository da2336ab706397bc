/**
 * This node's log of the changes of its own copies, for the watches of any node. It records a bucket while somebody
 * watches it, and for a while after that, so that a reader may come back. Otherwise it costs nothing.
 *
 * The log is in memory, and it names only the keys that changed. A reader gets the present state of each key. So states
 * that followed each other quickly are told as one, and the log has room for many changes, however large the values
 * are. A log ends with its process.
 *
 * A change is a difference that a reader can see: other live values, or none any more. The expiry of the last value is
 * a change, too. A repair that brings nothing new is no change. For a strong key every accepted proposal is a change,
 * because the log cannot tell which of them are decided (strong-keys.ts).
 *
 * Invariant: a reader that continues from a place of this log, and reads to its end, is told every change of the bucket
 * after that place, or that some of them are gone.
 */
import { AssertionError } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { timestampOf, wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { liveSiblings } from '../../core/causality/stored-object.ts'
import { ANSWERED_MS } from '../../core/consensus/register-memory.ts'
import { isKeeper } from '../../core/placement/preference-list.ts'
import { copyCounts, PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import { deadFromMs, expiredFromMs } from '../../core/repair/horizon.ts'
import { Signal } from '../../core/signal.ts'
import { type Disk, DiskError } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { LIVES_MAX } from '../identity/peer-lives.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { readPage } from '../storage/record-page.ts'
import {
  type DataName,
  dataKey,
  graveRange,
  parseDataKey,
  parseGraveKey,
} from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { Copy } from '../wire/object-record.ts'
import { RecentChanges } from './recent-changes.ts'
import { ExpirySchedule } from './expiry-schedule.ts'

/** A bucket is recorded this long after somebody has asked for its changes. */
const RECORDED_MS = 300_000
const EXPIRY_INTERVAL_MS = 1000
const GRAVES_PER_PAGE = 512
/** Bounds the time in the number of a log, so that the number is a safe integer. */
const START_MS_MAX = 2 ** 32

/** The recording of one bucket. */
interface Recording {
  /** Changes up to this place were not recorded. */
  readonly since: number
  untilMs: number
}

export interface ChangeLogParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly table: ObjectTable
  readonly clock: NodeClock
  /** Up to this time, this node has taken over everything in the data partition from its other owners. */
  readonly horizonOf: (partition: number) => Timestamp
  /** The number of this process. */
  readonly life: number
}

export class ChangeLog {
  readonly #disk: Disk
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: ChangeLogParts
  readonly #changes = new RecentChanges()
  readonly #recordings = new Map<string, Recording>()
  /** Data partition → the place in the log at which this node began to keep it, or ceased. */
  readonly #keptSince = new Map<number, number>()
  /** Values that expired before this time are in the log. */
  #expiredUntilMs = 0
  /** Name → key whose record could not be read. When a record replaces it, that change will be in the log. */
  readonly #leftOut = new Map<string, DataName>()
  readonly #schedule = new ExpirySchedule()
  /** Buckets of which the schedule may lack expiries of records that are on the disk. */
  readonly #unscheduled = new Set<string>()
  #timer: Timer | undefined
  #isLookingForExpired = false
  #isStopped = false
  /** The number of this log. Processes may have equal numbers, so the time of the start is part of it. */
  readonly life: number
  /** The log has grown. */
  readonly grown = new Signal()

  constructor(ports: { disk: Disk; timers: Timers; log: Log }, parts: ChangeLogParts) {
    this.#disk = ports.disk
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
    const { table, keeper, self, clock } = parts
    this.life = (Math.floor(clock.nowMs()) % START_MS_MAX) * LIVES_MAX + parts.life
    table.stored.listen((at, before, after) => this.#stored(at, before, after))
    table.uncertain.listen((storageKey) => this.#uncertain(storageKey))
    keeper.adopting.listen((previous, next) => this.#placed(previous, next, self))
  }

  get end(): number {
    return this.#changes.end
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#recordings.clear()
    this.#schedule.clear()
  }

  /** Records the bucket from now on, or longer. */
  record(bucket: string): void {
    if (this.#isStopped) return
    const nowMs = this.#parts.clock.nowMs()
    const untilMs = nowMs + RECORDED_MS
    const recording = this.#recordings.get(bucket)
    if (recording !== undefined) {
      recording.untilMs = untilMs
      return
    }
    // Changes may have been missed since an earlier recording. This entry makes its places differ from the new ones.
    this.#changes.push(NO_CHANGE)
    this.#recordings.set(bucket, { since: this.#changes.end, untilMs })
    this.#unscheduled.add(bucket)
    if (this.#timer !== undefined) return
    this.#expiredUntilMs = Math.floor(nowMs)
    this.#timer = this.#timers.every(EXPIRY_INTERVAL_MS, () => this.#tick())
  }

  /** Whether every change of the bucket in that data partition after that place is still here. */
  hasAllAfter(bucket: string, partition: number, sequence: number): boolean {
    const since = this.#recordings.get(bucket)?.since ?? Infinity
    return sequence >= Math.max(this.#changes.begin, since, this.#keptSince.get(partition) ?? 0)
  }

  at(sequence: number): DataName {
    return this.#changes.at(sequence)
  }

  /**
   * Up to this time, this node has taken over everything in these data partitions, and all changes are in the log. 0 if
   * a changed record cannot be read.
   */
  settled(bucket: string, partitions: readonly number[]): Timestamp {
    const { horizonOf } = this.#parts
    for (const at of this.#leftOut.values()) {
      if (at.bucket === bucket && partitions.includes(at.partition)) return 0
    }
    // The log may lack the expiries after its last search for them.
    const expired = timestampOf(this.#expiredUntilMs)
    return partitions.reduce((least, partition) => Math.min(least, horizonOf(partition)), expired)
  }

  /**
   * The record of a changed key cannot be read. Its data partition has settled nothing until the record is replaced.
   */
  leaveOut(at: DataName): void {
    if (this.#recordings.has(at.bucket)) this.#leftOut.set(at.name, at)
  }

  #stored(storageKey: string, before: Copy, after: Copy): void {
    if (this.#recordings.size === 0) return
    const change = this.#recorded(storageKey)
    if (change === undefined) return
    this.#scheduleExpiry(change, after)
    if (this.#isVisible(change.bucket, before, after)) this.#push(change)
  }

  /** The record was damaged, or it is not known which one the disk holds. */
  #uncertain(storageKey: string): void {
    const change = this.#recorded(storageKey)
    if (change === undefined) return
    this.#unscheduled.add(change.bucket)
    this.#push(change)
  }

  #recorded(storageKey: string): DataName | undefined {
    if (this.#recordings.size === 0) return undefined
    const change = parseDataKey(storageKey)
    return change !== undefined && this.#recordings.has(change.bucket) ? change : undefined
  }

  #isVisible(bucket: string, before: Copy, after: Copy): boolean {
    const seenBefore = this.#seen(before)
    if (this.#parts.keeper.bucket(bucket)?.mode === 'strong') {
      // A stored record is a proposal. If one without values is removed, nothing changes that a reader can see.
      return after.record.length > 0 || seenBefore.length > 0
    }
    const seenAfter = this.#seen(after)
    if (seenBefore.length !== seenAfter.length) return true
    return seenBefore.some(({ actor, timestamp }, i) => {
      const other = seenAfter[i]
      return other?.actor !== actor || other.timestamp !== timestamp
    })
  }

  /** The values that readers of the log know of, once they have read it up to its end. */
  #seen({ object }: Copy): readonly Sibling[] {
    const expiryMs = expiredFromMs(object)
    const isDead = expiryMs !== undefined && expiryMs < this.#expiredUntilMs
    return isDead ? [] : liveSiblings(object, 0)
  }

  #push(change: DataName): void {
    this.#leftOut.delete(change.name)
    this.#changes.push(change)
    this.grown.emit()
  }

  /** While this node did not keep a partition, it missed the changes there. */
  #placed(previous: Topology, next: Topology, self: string): void {
    // A place from before this topology must differ from every place after it.
    this.#changes.push(NO_CHANGE)
    for (const copies of copyCounts(next)) {
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        const wasKeeper = isKeeper(previous, copies, partition, self)
        if (wasKeeper === isKeeper(next, copies, partition, self)) continue
        this.#keptSince.set(partition, this.#changes.end)
        this.#forgetLeftOut((at) => at.partition === partition)
      }
    }
  }

  /** For keys that no reader of this log follows any more. */
  #forgetLeftOut(isGone: (at: DataName) => boolean): void {
    for (const [name, at] of this.#leftOut) if (isGone(at)) this.#leftOut.delete(name)
  }

  #tick(): void {
    const nowMs = this.#parts.clock.nowMs()
    for (const [bucket, { untilMs }] of this.#recordings) {
      if (untilMs >= nowMs) continue
      this.#recordings.delete(bucket)
      this.#forgetLeftOut((at) => at.bucket === bucket)
    }
    if (this.#recordings.size === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
      this.#changes.clear()
      this.#schedule.clear()
      this.#unscheduled.clear()
    } else if (!this.#isLookingForExpired) void this.#lookForExpired()
  }

  async #lookForExpired(): Promise<void> {
    this.#isLookingForExpired = true
    const untilMs = Math.floor(this.#parts.clock.nowMs())
    try {
      if (this.#unscheduled.size > 0) await this.#scheduleStored(untilMs)
      await this.#openGraves(this.#expiredUntilMs, untilMs, (at) => this.#open(at, untilMs))
      await Promise.all(this.#schedule.before(untilMs).map((at) => this.#open(at, untilMs)))
      this.#expiredUntilMs = untilMs
      this.#schedule.forgetBefore(untilMs)
    } catch (error) {
      if (error instanceof AssertionError) throw error
      this.#log.debug({ error: String(error) }, 'expired values could not be looked for')
    } finally {
      this.#isLookingForExpired = false
    }
  }

  /** Calls `open` for each key with a grave between these times (expiry-schedule.ts says what a grave is). */
  async #openGraves(
    fromMs: number,
    untilMs: number,
    open: (at: DataName) => Promise<void>,
  ): Promise<void> {
    const [, begin] = graveRange(fromMs)
    const [, end] = graveRange(untilMs)
    for (let from: string | undefined = begin; from !== undefined && from < end;) {
      const page: Awaited<ReturnType<typeof readPage>> = await readPage(
        this.#disk,
        from,
        end,
        GRAVES_PER_PAGE,
      )
      await Promise.all(page.entries.map(([grave]) => open(parseGraveKey(grave))))
      from = page.next
    }
  }

  /** Schedules the expiry of a value whose grave has a later time. */
  #scheduleExpiry(at: DataName, { object }: Copy): void {
    const expiryMs = expiredFromMs(object)
    if (expiryMs === undefined || expiryMs < this.#expiredUntilMs) return
    if (expiryMs < (deadFromMs(object, wallMsOf) ?? 0)) this.#schedule.add(at, expiryMs)
  }

  /** Schedules what was stored before it could be recorded: only strong keys are kept for long after they expire. */
  async #scheduleStored(nowMs: number): Promise<void> {
    const { keeper, clock } = this.#parts
    const buckets = [...this.#unscheduled].filter((name) => keeper.bucket(name)?.mode === 'strong')
    this.#unscheduled.clear()
    if (buckets.length === 0) return
    try {
      const untilMs = nowMs + ANSWERED_MS + 2 * clock.maxDriftMs
      await this.#openGraves(this.#expiredUntilMs, untilMs, (at) =>
        buckets.includes(at.bucket)
          ? this.#withRecord(at, (copy) => this.#scheduleExpiry(at, copy))
          : Promise.resolve(),
      )
    } catch (error) {
      for (const bucket of buckets) this.#unscheduled.add(bucket)
      throw error
    }
  }

  /** Records the key if its last value has just expired. Most graves belong to deletes, which are recorded already. */
  #open(at: DataName, untilMs: number): Promise<void> {
    return this.#withRecord(at, (copy) => {
      if (this.#hasExpired(copy, untilMs)) this.#push(at)
    })
  }

  /** Skips a damaged record: it will be replaced, and that is a change of its own. Rejects with a `DiskError`. */
  #withRecord(at: DataName, take: (copy: Copy) => void): Promise<void> {
    if (!this.#recordings.has(at.bucket)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#parts.table.find(dataKey(at.partition, at.bucket, at.key), (entry, failure) => {
        if (entry !== undefined) take(entry.durable)
        if (failure instanceof DiskError) reject(failure)
        else resolve()
      })
    })
  }

  #hasExpired({ object }: Copy, untilMs: number): boolean {
    const expiryMs = expiredFromMs(object)
    return expiryMs !== undefined && expiryMs >= this.#expiredUntilMs && expiryMs < untilMs
  }
}

const NO_CHANGE: DataName = { partition: -1, bucket: '', key: '', name: '' }
