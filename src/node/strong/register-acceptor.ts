/**
 * This room decides what this node promises, accepts and proposes for strong keys. It relies on `replica` and `storage`
 * to keep what was accepted, and on `round` and `peers` to reach the other owners. A strong key is a *register* of
 * consensus (core/consensus/register.ts), and its owners are the acceptors. Begin with strong-coordinator.ts, then
 * register-proposer.ts, then this file.
 *
 * This file is the node as an acceptor of the strong keys that it owns (core/consensus/acceptor.ts). The accepted value
 * is the key's record, whose vector is the ballot. The record implies the promise of the next ballot; a higher promise
 * is kept beside it (promises.ts). A promise or an acceptance is durable before the proposer hears of it.
 *
 * An acceptor forgets some of its promises. Three rules make that safe:
 * - If it does not hold the key, it counts every ballot up to the horizon as promised. No member has anything that old
 *   under way, so a register can be forgotten once its delete has settled everywhere (CASPaxos, Rystsov 2018, section
 *   3.1: all acceptors have the tombstone, and older ballots are dead).
 * - A node that lost its directory, or got an old one back, answers for a key only after it has taken over the other
 *   owners' copies. It also refuses every ballot up to its *floor*, which no promise of its earlier lives exceeds.
 * - If the record of one key was damaged, the same holds for that key alone.
 *
 * While the owners of a key change, each acceptor takes only questions of its own version of the placement
 * (topology-keeper.ts), so acceptors of different placements never form a quorum. A node that gains a key does not know
 * what the old owners promised. Its floor for that key's data partition stands in for those promises.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import {
  accept,
  type AcceptorReply,
  type AcceptorState,
  prepare,
} from '../../core/consensus/acceptor.ts'
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  maxBallot,
  nextBallot,
} from '../../core/consensus/ballot.ts'
import { ballotOf } from '../../core/consensus/register.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Disk, DiskError, DiskOperation } from '../../ports/disk.ts'
import { BEING_FILLED } from '../replica/not-ready-reasons.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { Copy } from '../wire/object-record.ts'
import type { Entry, ObjectTable } from '../storage/object-table.ts'
import { Promises } from './promises.ts'
import { type Location, refusalOf, type Replica } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'
import { type DataName, dataKey, parseDataKey, promiseKey } from '../storage/storage-keys.ts'

/** One pass checks at most this many promises, because each may read a record from the disk. */
const CHECKED_PER_PASS = 1000

export type RegisterReply = AcceptorReply<Copy>
/** Receives either the reply or the reason why there is none. */
export type ReplyTaker = (reply: RegisterReply | undefined, refusal: Refusal | undefined) => void

/** The state of a register as one acceptor tells it to a reader. The acceptor promises the reader nothing. */
export interface RegisterState {
  readonly copy: Copy
  /** Whether the acceptor has promised nothing to another proposal since it accepted this one. */
  readonly isUncontested: boolean
}

export interface AcceptorParts {
  readonly replica: Replica
  readonly table: ObjectTable
  readonly commits: GroupCommit
  readonly clock: NodeClock
  readonly state: NodeState
  /** The version of the placement in force here (topology-keeper.ts). */
  readonly placementVersion: () => number
  readonly horizon: (partition: number) => Timestamp
  /** Whether a majority has told this node about its earlier lives (arrival.ts). */
  readonly isProven: () => boolean
}

const NOT_READY: Refusal = {
  code: 'not_ready',
  message: 'this node does not know yet which ballots it promised before its restart',
}

const PLACED_OTHERWISE: Refusal = {
  code: 'not_owner',
  message: 'the proposer and this node use different placements of the key',
}

const MOVED_MEANWHILE: Refusal = {
  code: 'failed',
  message: 'the placement changed while the answer was being stored',
}

export class RegisterAcceptor {
  readonly #parts: AcceptorParts
  readonly #disk: Disk
  readonly #promises: Promises
  /** The acceptor refuses every ballot up to this time. */
  #floor: Timestamp
  /** Data partition → the same for its keys. There are at most as many as data partitions, so none is removed. */
  readonly #floors: Map<number, Timestamp>

  private constructor(ports: { codec: Codec; disk: Disk }, parts: AcceptorParts) {
    this.#disk = ports.disk
    this.#parts = parts
    this.#promises = new Promises(ports.codec)
    this.#floor = (parts.state.get('ballot-floor') as Timestamp | undefined) ?? 0
    this.#floors = decodeFloors(parts.state.get('ballot-floors'))
    parts.replica.registerLost.listen((storageKey) => this.#lost(storageKey))
  }

  /** Rejects with a `DiskError`. */
  static async load(
    ports: { codec: Codec; disk: Disk },
    parts: AcceptorParts,
  ): Promise<RegisterAcceptor> {
    const acceptor = new RegisterAcceptor(ports, parts)
    const damaged = await acceptor.#promises.load(acceptor.#disk)
    // The counters may be ahead of this life's clock, and `promisedUnder` relies on the clock.
    for (const [, { counter }] of acceptor.#promises.entries()) parts.clock.observe(counter)
    if (damaged.length > 0) {
      // The key of a damaged promise is unknown too, so every key refuses ballots up to the floor.
      acceptor.raiseFloor()
      const operations = damaged.map((key): DiskOperation => ({ type: 'delete', key }))
      // Stored after the floor: commits keep their order, so no crash can keep the deletes without the floor.
      await parts.commits.store(operations, 'sync')
    }
    return acceptor
  }

  /** `placementVersion` is the version of the placement in which the proposer found its acceptors. */
  prepare(at: Location, placementVersion: number, ballot: Ballot, done: ReplyTaker): void {
    this.#answer(at, placementVersion, ballot, done, (state) => prepare(state, ballot))
  }

  /** `copy` is the proposal; its vector is the ballot. */
  accept(at: Location, placementVersion: number, copy: Copy, done: ReplyTaker): void {
    const ballot = ballotOf(copy.object)
    const next = nextBallot(ballot)
    this.#answer(at, placementVersion, ballot, done, (state, isUncontested) => {
      // The copy may have come by repair after a later promise. Then this acceptor holds it without having accepted it.
      return accept(state, ballot, copy, { next, isUncontested })
    })
  }

  /** Reads the durable copy. The reader checks the placement itself (strong-coordinator.ts). */
  read(
    at: Location,
    done: (state: RegisterState | undefined, refusal: Refusal | undefined) => void,
  ): void {
    if (!this.#parts.isProven()) {
      done(undefined, NOT_READY)
      return
    }
    this.#parts.replica.read(at, (copy, refusal) => {
      if (copy === undefined) done(undefined, refusal)
      else
        done({ copy, isUncontested: this.#isUncontested(storageKeyOf(at), copy.object) }, undefined)
    })
  }

  /** Refuses all ballots that earlier lives may have promised, because those promises are lost. */
  raiseFloor(): void {
    const { clock, state } = this.#parts
    const floor = clock.beyondEarlierLives()
    if (floor <= this.#floor) return
    this.#floor = floor
    // Not awaited: commits keep their order, so this floor is durable before any later promise or acceptance.
    state.set('ballot-floor', floor).catch(() => undefined)
  }

  /**
   * An upper bound of all ballots that this node has promised. The clock is such a bound, because it observes every
   * ballot before the ballot is promised. The only exception is the next ballot implied by an accepted value: a new
   * owner learns it from the copy. The clock reading in this node's messages is no such bound: it stays below the limit
   * of what this node may mint, and promised ballots may lie above.
   *
   * Undefined if questions of another placement may still be taken here, or if the promises of earlier lives are
   * unknown.
   */
  promisedUnder(placementVersion: number): Timestamp | undefined {
    const { clock, isProven } = this.#parts
    if (placementVersion !== this.#parts.placementVersion() || !isProven()) return undefined
    return Math.max(clock.last, this.#floor, ...this.#floors.values())
  }

  /**
   * Raises the floor of the data partitions that this node has gained, so that it refuses whatever their old owners
   * promised to refuse. The reason: an old owner may take a proposal late, and that proposal must be below everything
   * decided without it. `promisedUpTo` is the highest bound that the old owners told (`promisedUnder`), each after it
   * had stopped taking questions of older placements. Resolves once the floors are durable.
   */
  async raiseFloorOf(partitions: readonly number[], promisedUpTo: Timestamp): Promise<void> {
    for (const partition of partitions) {
      this.#floors.set(partition, Math.max(promisedUpTo, this.#floors.get(partition) ?? 0))
    }
    await this.#parts.state.set('ballot-floors', [...this.#floors])
  }

  /** Call this when the horizon has moved. Drops promises below the horizon whose keys no longer exist. */
  horizonMoved(): void {
    const old: string[] = []
    for (const [storageKey, { counter }] of this.#promises.entries()) {
      if (counter > this.#horizonOf(storageKey)) continue
      if (old.length >= CHECKED_PER_PASS) break
      old.push(storageKey)
    }
    for (const storageKey of old) {
      // Promises of keys that still exist move to the end, so that they never block the others.
      this.#promises.defer(storageKey)
      this.#dropIfGone(storageKey)
    }
  }

  /** Forgets the promises in deleted buckets: no question about their keys is taken any more. */
  async dropBuckets(isDeleted: (bucket: string) => boolean): Promise<void> {
    const dropped = [...this.#promises.entries()].filter(([key]) => isDeleted(bucketIn(key)))
    if (dropped.length === 0) return
    const operations = dropped.map(([key]) => ({ type: 'delete', key: promiseKey(key) }) as const)
    await this.#parts.commits.store(operations, 'os')
    // Only now: if the disk took no delete, the promises are dropped later.
    for (const [storageKey, promise] of dropped) this.#promises.drop(storageKey, promise)
  }

  /** Takes one question: applies `step` to the state of the register, and replies once the new state is durable. */
  #answer<Reply extends RegisterReply>(
    at: Location,
    placementVersion: number,
    ballot: Ballot,
    done: ReplyTaker,
    step: (
      state: AcceptorState<Copy>,
      isUncontested: boolean,
    ) => { state: AcceptorState<Copy>; reply: Reply },
  ): void {
    const { replica, clock, isProven } = this.#parts
    const refusal = isProven() ? replica.refusal() : NOT_READY
    if (refusal !== undefined) {
      done(undefined, refusal)
      return
    }
    if (!replica.mayRead(at)) {
      done(undefined, { code: 'not_ready', message: BEING_FILLED })
      return
    }
    if (clock.isTooFarAhead(ballot.counter)) {
      done(undefined, { code: 'clock_drift', message: 'the ballot is too far ahead' })
      return
    }
    // Before the promise: `promisedUnder` relies on a clock that no promise exceeds.
    clock.observe(ballot.counter)
    replica.find(at, (entry, failure) => {
      if (entry === undefined || entry.isLost) {
        done(undefined, failure ?? NOT_READY)
        return
      }
      // The record may have come from the disk, and the placement may have changed meanwhile.
      const isInForce = (): boolean => this.#parts.placementVersion() === placementVersion
      const notTaken = replica.notTaken(at)
      if (notTaken !== undefined) {
        done(undefined, notTaken)
        return
      }
      if (!isInForce()) {
        done(undefined, PLACED_OTHERWISE)
        return
      }
      const before = this.#stateOf(entry)
      const { state, reply } = step(
        before,
        this.#isUncontested(entry.storageKey, entry.latest.object),
      )
      const isKept = compareBallots(state.promised, before.promised) >= 0
      assert(isKept, 'an acceptor never lowers its promise')
      const end = (failed: DiskError | undefined): void => {
        if (failed !== undefined) done(undefined, refusalOf(failed))
        // The state is stored, but must not count: a new owner that has taken over the copies meanwhile may lack it.
        else if (!isInForce()) done(undefined, MOVED_MEANWHILE)
        else done(reply, undefined)
      }
      if (state.value !== before.value) this.#storeAccepted(entry, state, end)
      else if (state.promised !== before.promised) {
        const operation = this.#promises.raise(entry.storageKey, state.promised)
        this.#parts.commits.add([operation], 'sync', end)
      } else if (reply.type === 'accepted') {
        // The question is a repeated one. Its reply waits until the state of the first one is durable.
        this.#parts.table.replace(entry, entry.latest, 'sync', end)
      } else end(undefined)
    })
  }

  #storeAccepted(
    entry: Entry,
    { value, promised }: AcceptorState<Copy>,
    end: (failed: DiskError | undefined) => void,
  ): void {
    assert(value !== null, 'an acceptor accepts a value')
    const { storageKey } = entry
    const kept = this.#promises.of(storageKey)
    const isImplied = kept !== undefined && compareBallots(kept, promised) <= 0
    // In the same batch as the record, so that no crash leaves neither the record nor the promise.
    const beside: DiskOperation[] = isImplied
      ? [{ type: 'delete', key: promiseKey(storageKey) }]
      : []
    this.#parts.table.replace(
      entry,
      value,
      'sync',
      (failed) => {
        // Only now: if the record could not be stored, the promise stays in force.
        if (failed === undefined && isImplied) this.#promises.drop(storageKey, promised)
        end(failed)
      },
      beside,
    )
  }

  #stateOf({ storageKey, latest }: Entry): AcceptorState<Copy> {
    const isHeld = latest.record.length > 0
    const accepted = ballotOf(latest.object)
    const implied = isHeld ? nextBallot(accepted) : atCounter(this.#horizonOf(storageKey))
    const promised = maxBallot(implied, this.#keptPromise(storageKey))
    return { promised, accepted, value: isHeld ? latest : null }
  }

  /**
   * Whether no other ballot was promised after this proposal. The record alone cannot tell: it implies the promise of
   * the next ballot, and a promise to another proposer may lie between the two.
   */
  #isUncontested(storageKey: string, object: StoredObject): boolean {
    return compareBallots(this.#keptPromise(storageKey), ballotOf(object)) <= 0
  }

  /** The promise that does not follow from the record: the kept one, or the floor if that is higher. */
  #keptPromise(storageKey: string): Ballot {
    const floor = Math.max(this.#floor, this.#floorOf(storageKey))
    return maxBallot(this.#promises.of(storageKey) ?? BALLOT_ZERO, atCounter(floor))
  }

  #floorOf(storageKey: string): Timestamp {
    if (this.#floors.size === 0) return 0
    return this.#floors.get(partitionIn(storageKey)) ?? 0
  }

  #horizonOf(storageKey: string): Timestamp {
    return this.#parts.horizon(partitionIn(storageKey))
  }

  /** A damaged record takes the promise that it implied with it. A kept promise replaces that one. */
  #lost(storageKey: string): void {
    const { clock, commits } = this.#parts
    const operation = this.#promises.raise(storageKey, atCounter(clock.beyondEarlierLives()))
    commits.add([operation], 'sync', () => undefined)
  }

  #dropIfGone(storageKey: string): void {
    const { table, commits } = this.#parts
    table.find(storageKey, (entry) => {
      const promise = this.#promises.of(storageKey)
      if (entry === undefined || promise === undefined || entry.isLost) return
      if (entry.latest.record.length > 0 || entry.pending > 0) return
      if (promise.counter > this.#horizonOf(storageKey)) return
      // The deletion is not synced: a promise that comes back after a crash does no harm.
      this.#promises.drop(storageKey, promise)
      commits.add([{ type: 'delete', key: promiseKey(storageKey) }], 'os', () => undefined)
    })
  }
}

/** A promise that refuses every ballot with a counter up to `counter`. */
function atCounter(counter: Timestamp): Ballot {
  return counter === 0 ? BALLOT_ZERO : { counter: counter + 1, node: '' }
}

function storageKeyOf({ partition, bucket, key }: Location): string {
  return dataKey(partition, bucket.name, key)
}

function partitionIn(storageKey: string): number {
  return nameIn(storageKey).partition
}

function bucketIn(storageKey: string): string {
  return nameIn(storageKey).bucket
}

function nameIn(storageKey: string): DataName {
  const name = parseDataKey(storageKey)
  assert(name !== undefined, 'a register is kept under the key of its data')
  return name
}

function decodeFloors(stored: Encodable | undefined): Map<number, Timestamp> {
  if (stored === undefined) return new Map()
  if (!Array.isArray(stored)) throw new Error('the floors of ballots cannot be read')
  return new Map(stored as [partition: number, floor: Timestamp][])
}
