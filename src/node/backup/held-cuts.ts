/**
 * The snapshots of its disk that this node holds for backups, which it or another node makes.
 *
 * 1. *Hold*: the node promises a snapshot just before its clock passes the time of the cut. First it stores a bound of
 *    its clock above that time. So every message after the snapshot carries a later stamp (core/causality/hybrid-clock.ts).
 * 2. *Confirm*: the coordinator says that every member holds. Without this word, the node gives the cut up when its
 *    clock passes the time, so that a cut that cannot succeed delays no client.
 * 3. The clock passes. The node takes the snapshot, and from then on holds back its answers to clients.
 * 4. *Open*: the coordinator says that every member has its snapshot, and the answers go on. If this word does not come
 *    in time, the node gives up the cut and its snapshot. So no backup uses a cut in which an answer left too early.
 *
 * Invariant: a snapshot that was opened has everything that this node stored before its clock passed the cut, and no
 * answer of this node to a client left between the snapshot and the last snapshot of the other members.
 */
import { AssertionError } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk, DiskSnapshot } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { GainedPartitions } from '../moves/gained-partitions.ts'
import { keptPlaces } from '../moves/keeping.ts'
import type { HandlersOf } from '../peers/ask-handlers.ts'
import type { Peers } from '../peers/peers.ts'
import type { CopyTrust } from '../replica/copy-trust.ts'
import { BEING_FILLED, refusalToTellKeys } from '../replica/not-ready-reasons.ts'
import type { AnswerGate } from '../round/answer-gate.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import { dataKey } from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import {
  CUT_TAKEN,
  type CutHoldAnswer,
  type CutHoldRequest,
  type CutPage,
  type CutPageRequest,
  type CutTakenAnswer,
} from '../wire/asks/cut-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import { decodeRecord } from '../wire/object-record.ts'
import { hintPage, recordPage } from './cut-pages.ts'

const CUTS_MAX = 2
/** A cut that lies further ahead is refused, because it would take the place of others. */
const AHEAD_MS_MAX = 2000
/** A cut is given up if its snapshot was not taken and opened this long after its time. */
const OPEN_MS_MAX = 5000
/** Answers to clients are held back for at most this long. */
const GATE_MS_MAX = 1000
/** A snapshot is given up if nobody has read or kept it for this long, and after this age in any case. */
const LEASE_MS = 30_000
const AGE_MS_MAX = 6 * 60 * 60_000
/** The clock is looked at again after this time if it has not passed the cut when it should have. */
const LATE_MS = 5

const BUSY: Refusal = {
  code: 'overloaded',
  message: `this node holds ${CUTS_MAX} snapshots for other backups`,
}
const TOO_FAR_AHEAD: Refusal = {
  code: 'clock_drift',
  message: 'the time of the cut is too far ahead of this clock',
}
const GONE: Refusal = {
  code: 'not_ready',
  message: 'this node has no snapshot for the backup any more',
}
const NOT_COMPLETE: Refusal = { code: 'not_ready', message: BEING_FILLED }
const INDEX_DAMAGED: Refusal = {
  code: 'storage_failed',
  message: 'the index of keys is damaged and is being rebuilt',
}

export interface HeldCutParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly peers: Peers
  readonly gained: GainedPartitions
  readonly gate: AnswerGate
  readonly trust: CopyTrust
  /** Whether this node's own copies are complete, as far as this node knows. */
  readonly isComplete: () => boolean
  readonly indexes: IndexRepair
  readonly horizon: () => Timestamp
  /** The nodes for which this node has hints. */
  readonly hintOwners: () => readonly string[]
  /** Called for a key that the index lists without a record (storage/vanished-record.ts). Rejects with a `DiskError`. */
  readonly replaceVanished: (storageKey: string) => Promise<void>
}

interface Snapshot {
  readonly disk: DiskSnapshot
  /** The topology in force when the snapshot was taken. */
  readonly topology: Topology
  /** What this node keeps, as `partition/copies` (moves/keeping.ts). Records of other partitions do not count. */
  readonly places: ReadonlySet<string>
  readonly sinceMs: number
}

interface Held {
  readonly cut: string
  readonly coordinator: string
  readonly at: Timestamp
  isConfirmed: boolean
  isOpened: boolean
  snapshot: Snapshot | undefined
  /** Ends the wait for the clock. */
  unhook: () => void
  openGate: () => void
  lease: Timer
  readonly taken: PromiseWithResolvers<CutTakenAnswer | Refusal>
}

export class HeldCuts {
  readonly #codec: Codec
  readonly #disk: Disk
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: HeldCutParts
  readonly #held = new Map<string, Held>()
  #isStopped = false
  /** A record is damaged. */
  readonly corrupt = new Signal<[storageKey: string]>()

  constructor(
    ports: { codec: Codec; disk: Disk; timers: Timers; log: Log; metrics: Metrics },
    parts: HeldCutParts,
  ) {
    this.#codec = ports.codec
    this.#disk = ports.disk
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#show()
    // A snapshot keeps what is overwritten meanwhile, so it may be what fills the disk.
    ports.disk.onHealth(({ state }) => {
      if (state === 'full') for (const held of this.#held.values()) this.#giveUp(held)
    })
  }

  stop(): void {
    this.#isStopped = true
    for (const held of this.#held.values()) this.#giveUp(held)
  }

  answers(): HandlersOf<'cut-hold' | 'cut-taken' | 'cut-open' | 'cut-page' | 'cut-end'> {
    const orRefuse = <Answer extends object>(
      asker: { answer: (answer: Answer) => void; refuse: (refusal: Refusal) => void },
      end: Promise<Answer | Refusal>,
    ): void =>
      void end.then((told) => {
        if (isRefusal(told)) asker.refuse(told)
        else asker.answer(told)
      })
    return {
      'cut-hold': (request, asker) => orRefuse(asker, this.#hold(request, asker.node)),
      'cut-taken': ({ cut }, asker) => orRefuse(asker, this.#confirm(cut)),
      'cut-open': ({ cut }, asker) => {
        if (this.#open(cut)) asker.answer(NO_FIELDS)
        else asker.refuse(GONE)
      },
      'cut-page': (request, asker) => orRefuse(asker, this.#page(request)),
      'cut-end': ({ cut }, asker) => {
        this.#giveUp(this.#held.get(cut))
        asker.answer(NO_FIELDS)
      },
    }
  }

  /** The topology in force at the cut. Undefined before the snapshot was taken, and after it was given up. */
  topologyAt(cut: string): Topology | undefined {
    return this.#held.get(cut)?.snapshot?.topology
  }

  async #hold({ cut, at }: CutHoldRequest, coordinator: string): Promise<CutHoldAnswer | Refusal> {
    const { clock } = this.#parts
    const refusal = this.#refusal(coordinator)
    if (refusal !== undefined) return refusal
    const aheadMs = wallMsOf(at) - clock.nowMs()
    if (aheadMs > AHEAD_MS_MAX) return TOO_FAR_AHEAD
    if (this.#held.size >= CUTS_MAX || this.#held.has(cut)) return BUSY
    const held: Held = {
      cut,
      coordinator,
      at,
      isConfirmed: false,
      isOpened: false,
      snapshot: undefined,
      unhook: () => undefined,
      openGate: () => undefined,
      lease: this.#leaseOf(cut, Math.max(0, aheadMs) + OPEN_MS_MAX),
      taken: Promise.withResolvers(),
    }
    this.#held.set(cut, held)
    try {
      await clock.raisedTo(at + 1)
    } catch (error) {
      this.#giveUp(held)
      return storageFailed(error)
    }
    if (this.#held.get(cut) !== held) return GONE
    const unhook = clock.beforePassing(at, () => this.#take(held))
    if (unhook === undefined) {
      this.#giveUp(held)
      return { isHeld: false }
    }
    held.unhook = unhook
    this.#timers.after(Math.max(LATE_MS, wallMsOf(at) + 1 - clock.ownMs()), () => this.#pass(held))
    return { isHeld: true }
  }

  /** Makes the clock pass the cut by drawing a stamp, in case no message does. */
  #pass(held: Held): void {
    if (this.#held.get(held.cut) !== held || held.snapshot !== undefined) return
    this.#parts.clock.stamp()
    this.#timers.after(LATE_MS, () => this.#pass(held))
  }

  /** Called just before the clock passes the cut, so it must not advance the clock. */
  #take(held: Held): void {
    const { self, keeper, gained, gate, peers, horizon, hintOwners } = this.#parts
    const { cut, coordinator } = held
    if (!held.isConfirmed || this.#refusal(coordinator) !== undefined) {
      this.#giveUp(held)
      return
    }
    let disk: DiskSnapshot
    try {
      disk = this.#disk.snapshot()
    } catch (error) {
      if (error instanceof AssertionError) throw error
      this.#log.warn({ cut, error: String(error) }, 'no snapshot could be taken for a backup')
      this.#giveUp(held)
      return
    }
    held.snapshot = {
      disk,
      topology: keeper.topology,
      places: keptPlaces({ self, keeper, gained }),
      sinceMs: this.#parts.clock.ownMs(),
    }
    const open = gate.close()
    const late = this.#timers.after(GATE_MS_MAX, () => {
      this.#log.warn({ cut, coordinator }, 'a backup was given up: its cut took too long')
      this.#giveUp(held)
    })
    held.openGate = () => {
      late.cancel()
      open()
    }
    this.#log.info({ cut, coordinator }, 'a snapshot of the disk is held for a backup')
    this.#show()
    // The stamp of this message brings the clock of the coordinator past the cut, too.
    if (coordinator !== self) peers.tell(coordinator, CUT_TAKEN, { cut })
    held.taken.resolve({
      placementVersion: keeper.placementVersion,
      // From memory, because clients wait. If a hint is not there any more, its owner has it in its snapshot.
      hintOwners: hintOwners(),
      horizon: horizon(),
    })
  }

  #confirm(cut: string): Promise<CutTakenAnswer | Refusal> {
    const held = this.#held.get(cut)
    if (held === undefined) return Promise.resolve(GONE)
    held.isConfirmed = true
    return held.taken.promise
  }

  #open(cut: string): boolean {
    const held = this.#held.get(cut)
    if (held?.snapshot === undefined) return false
    held.isOpened = true
    held.openGate()
    this.#renew(held)
    return true
  }

  async #page({ cut, bucket, owner, after }: CutPageRequest): Promise<CutPage | Refusal> {
    const held = this.#held.get(cut)
    if (held?.snapshot === undefined || !held.isOpened) return GONE
    const { disk, topology, places } = held.snapshot
    this.#renew(held)
    const copies = topology.buckets.find(({ name }) => name === bucket)?.n
    const keeps = (partition: number): boolean => places.has(`${partition}/${copies}`)
    try {
      if (owner !== '') return await hintPage(disk, { owner, bucket, after })
      const read = (): Promise<CutPage> => recordPage(disk, keeps, { bucket, after })
      const page = await this.#parts.indexes.whole(read)
      if (page === undefined) return INDEX_DAMAGED
      for (const { key, record } of page.records) this.#lookForDamage(bucket, key, record)
      return page
    } catch (error) {
      return storageFailed(error)
    }
  }

  /** If the record is damaged, has it repaired, so that a later backup finds it whole. */
  #lookForDamage(bucket: string, key: string, record: Uint8Array): void {
    const storageKey = dataKey(partitionOf(bucket, key), bucket, key)
    if (record.length === 0) {
      this.#parts.replaceVanished(storageKey).catch(() => undefined)
      return
    }
    try {
      decodeRecord(this.#codec, record)
    } catch {
      this.corrupt.emit(storageKey)
    }
  }

  /** Why this node's disk cannot be part of a backup now. */
  #refusal(coordinator: string): Refusal | undefined {
    const { self, trust, isComplete, indexes } = this.#parts
    if (this.#isStopped) return GONE
    if (!indexes.isWhole) return INDEX_DAMAGED
    if (coordinator !== self) return refusalToTellKeys(trust, coordinator)
    return isComplete() ? undefined : NOT_COMPLETE
  }

  #renew(held: Held): void {
    const ageMs = this.#parts.clock.ownMs() - (held.snapshot?.sinceMs ?? 0)
    held.lease.cancel()
    held.lease = this.#leaseOf(held.cut, Math.max(0, Math.min(LEASE_MS, AGE_MS_MAX - ageMs)))
  }

  #leaseOf(cut: string, forMs: number): Timer {
    return this.#timers.after(forMs, () => this.#giveUp(this.#held.get(cut)))
  }

  #giveUp(held: Held | undefined): void {
    if (held === undefined || !this.#held.delete(held.cut)) return
    held.lease.cancel()
    held.unhook()
    held.openGate()
    held.taken.resolve(GONE)
    this.#show()
    const { snapshot, cut } = held
    if (snapshot === undefined) return
    const heldMs = this.#parts.clock.ownMs() - snapshot.sinceMs
    this.#log.info({ cut, heldMs }, 'the snapshot of the disk for a backup is released')
    snapshot.disk.close().catch(() => undefined)
  }

  #show(): void {
    const taken = [...this.#held.values()].filter(({ snapshot }) => snapshot !== undefined)
    this.#metrics.gauge('backup_snapshots', taken.length)
  }
}

function storageFailed(error: unknown): Refusal {
  if (error instanceof AssertionError) throw error
  return { code: 'storage_failed', message: String(error) }
}

function isRefusal(told: object): told is Refusal {
  return 'code' in told
}
