/**
 * This node as an acceptor of the strong keys that it owns (core/consensus/acceptor.ts): what was accepted is the
 * key's record, whose vector is the ballot; what was promised follows from it, or is kept beside it (promises.ts).
 * Nothing is answered before all that the answer says is durable.
 *
 * Three things keep an acceptor from forgetting:
 * - Where the key is not held, everything up to the horizon counts as promised: nothing of that age is on its way
 *   from any member, so registers whose delete has settled everywhere can be forgotten (CASPaxos, 3.1: all acceptors
 *   have the tombstone, and older ballots are dead).
 * - A node that lost its directory, or got an old one back, does not answer for a key before it has taken over the
 *   other owners' copies, and never below its *floor*: a time that no promise of its earlier lives can lie beyond.
 * - The same for one key, where its record was damaged.
 *
 * While the owners of a key change, a question counts only among acceptors of the placement under which it was asked:
 * each takes those of its own generation (topology-keeper.ts) alone, so that who has moved on decides nothing with who
 * has not. A node that gains a key has not promised what its old owners have: its floor for that key does.
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
import { ABSENT_COPY, type Copy } from '../wire/object-record.ts'
import type { Entry, ObjectTable } from '../storage/object-table.ts'
import { Promises } from './promises.ts'
import { type Location, refusalOf, type Replica } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'
import { dataKey, parseDataKey, promiseKey } from '../storage/storage-keys.ts'

/** Promises that are looked at in one go: those of forgotten keys are dropped. */
const DROPPED_PER_PASS = 1000

export type RegisterReply = AcceptorReply<Copy>
export type ReplyTaker = (reply: RegisterReply | undefined, refusal: Refusal | undefined) => void

/** What one acceptor says to a reader, without promising anything. */
export interface RegisterState {
  readonly copy: Copy
  /** No other proposal has been promised since it was accepted, as far as this acceptor remembers. */
  readonly isSettled: boolean
}

export interface AcceptorParts {
  readonly replica: Replica
  readonly table: ObjectTable
  readonly commits: GroupCommit
  readonly clock: NodeClock
  readonly state: NodeState
  /** The generation of the placement in force here (topology-keeper.ts). */
  readonly placedAt: () => number
  readonly horizon: (partition: number) => Timestamp
  /** Whether a majority has told this node of its earlier lives (arrival.ts). */
  readonly isProven: () => boolean
}

const NOT_READY: Refusal = {
  code: 'not_ready',
  message: 'it is not yet known here what earlier lives of this node have promised',
}

const PLACED_OTHERWISE: Refusal = {
  code: 'not_owner',
  message: 'the key was placed otherwise when the question was asked, or is now',
}

const MOVED_MEANWHILE: Refusal = {
  code: 'failed',
  message: 'the placement changed while it was stored',
}

export class RegisterAcceptor {
  readonly #parts: AcceptorParts
  readonly #disk: Disk
  readonly #promises: Promises
  /** Nothing up to here is promised or accepted. */
  #floor: Timestamp
  /** The same for the keys of one partition. */
  readonly #floors: Map<number, Timestamp>

  private constructor(ports: { codec: Codec; disk: Disk }, parts: AcceptorParts) {
    this.#disk = ports.disk
    this.#parts = parts
    this.#promises = new Promises(ports.codec)
    this.#floor = (parts.state.get('ballot-floor') as Timestamp | undefined) ?? 0
    this.#floors = decodeFloors(parts.state.get('ballot-floors'))
    parts.replica.onRegisterLost = (storageKey) => this.#lost(storageKey)
  }

  /** Rejects with a `DiskError`. */
  static async load(
    ports: { codec: Codec; disk: Disk },
    parts: AcceptorParts,
  ): Promise<RegisterAcceptor> {
    const acceptor = new RegisterAcceptor(ports, parts)
    const damaged = await acceptor.#promises.load(acceptor.#disk)
    // They may be ahead of the clock that this life has begun with.
    for (const [, { counter }] of acceptor.#promises.entries()) parts.clock.observe(counter)
    if (damaged.length > 0) {
      // For which key a damaged promise was is not known either: so all keys are refused up to the floor.
      acceptor.raiseFloor()
      const operations = damaged.map((key): DiskOperation => ({ type: 'delete', key }))
      // Behind the floor in the order of the disk, so no crash keeps the one without the other.
      await parts.commits.store(operations, 'sync')
    }
    return acceptor
  }

  /** `placedAt` is the generation under which the proposer found its acceptors. */
  prepare(at: Location, placedAt: number, ballot: Ballot, done: ReplyTaker): void {
    this.#ask(at, placedAt, ballot, done, (state) => prepare(state, ballot))
  }

  /** `copy` is the proposal, with its ballot. */
  accept(at: Location, placedAt: number, copy: Copy, done: ReplyTaker): void {
    const ballot = ballotOf(copy.object)
    const next = nextBallot(ballot)
    this.#ask(at, placedAt, ballot, done, (state, isSettled) => {
      // It may have come by repair, after a later one had been promised: to hold it is not to have accepted it then.
      return accept(state, ballot, copy, { next, isSettled })
    })
  }

  /** What is durable. */
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
      else done({ copy, isSettled: this.#isSettled(storageKeyOf(at), copy.object) }, undefined)
    })
  }

  /** What earlier lives of this node have promised is lost. */
  raiseFloor(): void {
    const { clock, state } = this.#parts
    const floor = clock.beyondEarlierLives()
    if (floor <= this.#floor) return
    this.#floor = floor
    // Not awaited: whatever is said later is stored later.
    state.set('ballot-floor', floor).catch(() => undefined)
  }

  /**
   * A time that nothing this node has promised lies beyond, but for the next ballot of what it has accepted, which comes
   * with the copy of that. What its messages tell of its clock is not enough: that stays below the bound of what it may
   * mint, and promises need not. Undefined where questions of another placement may still be taken here, or where it is
   * not known what earlier lives have promised.
   */
  promisedUnder(placedAt: number): Timestamp | undefined {
    const { clock, isProven } = this.#parts
    if (placedAt !== this.#parts.placedAt() || !isProven()) return undefined
    return Math.max(clock.last, this.#floor, ...this.#floors.values())
  }

  /**
   * For keys that this node has gained: what their old owners have promised to others is promised here, too, for a
   * proposal that one of them takes late must be below all that is decided without it. `promisedUpTo` is the highest that
   * they told, each when it took questions of older placements no more. Resolves once it is durable.
   */
  async raiseFloorOf(partitions: readonly number[], promisedUpTo: Timestamp): Promise<void> {
    for (const partition of partitions) {
      this.#floors.set(partition, Math.max(promisedUpTo, this.#floors.get(partition) ?? 0))
    }
    await this.#parts.state.set('ballot-floors', [...this.#floors])
  }

  /** The horizon has moved: promises for keys that are gone are not needed below it. */
  horizonMoved(): void {
    const old: string[] = []
    for (const [storageKey, { counter }] of this.#promises.entries()) {
      if (counter > this.#horizonOf(storageKey)) continue
      if (old.length >= DROPPED_PER_PASS) break
      old.push(storageKey)
    }
    for (const storageKey of old) {
      // Those of keys that are still there must not be in the way of the others for ever.
      this.#promises.defer(storageKey)
      this.#dropIfGone(storageKey)
    }
  }

  #ask<Reply extends RegisterReply>(
    at: Location,
    placedAt: number,
    ballot: Ballot,
    done: ReplyTaker,
    step: (
      state: AcceptorState<Copy>,
      isSettled: boolean,
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
    clock.observe(ballot.counter)
    replica.find(at, (entry, failure) => {
      if (entry === undefined || entry.isLost) {
        done(undefined, failure ?? NOT_READY)
        return
      }
      const isInForce = (): boolean => this.#parts.placedAt() === placedAt
      const notKept = replica.notKept(at)
      if (notKept !== undefined) {
        done(undefined, notKept)
        return
      }
      if (!isInForce()) {
        done(undefined, PLACED_OTHERWISE)
        return
      }
      const before = this.#stateOf(entry)
      const { state, reply } = step(before, this.#isSettled(entry.storageKey, entry.latest.object))
      const end = (failed: DiskError | undefined): void => {
        if (failed !== undefined) done(undefined, refusalOf(failed))
        // It is stored, and counts for nothing: who took over this node's copies meanwhile may not have it.
        else if (!isInForce()) done(undefined, MOVED_MEANWHILE)
        else done(reply, undefined)
      }
      if (state.value !== before.value) this.#storeAccepted(entry, state, end)
      else if (state.promised !== before.promised) {
        const operation = this.#promises.raise(entry.storageKey, state.promised)
        this.#parts.commits.add([operation], 'sync', end)
      } else if (reply.type === 'accepted') {
        // A repeated question: its answer holds once the first one's is stored.
        this.#parts.table.replace(entry, entry.latest, 'sync', end)
      } else end(undefined)
    })
  }

  #storeAccepted(
    entry: Entry,
    { value, promised }: AcceptorState<Copy>,
    end: (failed: DiskError | undefined) => void,
  ): void {
    const { storageKey } = entry
    const held = this.#promises.of(storageKey)
    const isImplied = held !== undefined && compareBallots(held, promised) <= 0
    const beside: DiskOperation[] = isImplied
      ? [{ type: 'delete', key: promiseKey(storageKey) }]
      : []
    this.#parts.table.replace(
      entry,
      value ?? ABSENT_COPY,
      'sync',
      (failed) => {
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

  /** Between the proposal and the ballot that its acceptance promises there may be those of other nodes. */
  #isSettled(storageKey: string, object: StoredObject): boolean {
    return compareBallots(this.#keptPromise(storageKey), ballotOf(object)) <= 0
  }

  /** What is promised beside what follows from the record. */
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

  /** The promise of a key whose record was damaged went with it. */
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
      this.#promises.drop(storageKey, promise)
      commits.add([{ type: 'delete', key: promiseKey(storageKey) }], 'os', () => undefined)
    })
  }
}

/** Promised: all ballots up to that counter are refused. */
function atCounter(counter: Timestamp): Ballot {
  return counter === 0 ? BALLOT_ZERO : { counter: counter + 1, node: '' }
}

function storageKeyOf({ partition, bucket, key }: Location): string {
  return dataKey(partition, bucket.name, key)
}

function partitionIn(storageKey: string): number {
  const name = parseDataKey(storageKey)
  assert(name !== undefined, 'a register is kept under the key of its data')
  return name.partition
}

function decodeFloors(stored: Encodable | undefined): Map<number, Timestamp> {
  if (stored === undefined) return new Map()
  if (!Array.isArray(stored)) throw new Error('the floors of ballots cannot be read')
  return new Map(stored as [partition: number, floor: Timestamp][])
}
