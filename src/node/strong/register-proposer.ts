/**
 * This node as a proposer of strong keys. Each key has a queue of operations. They are applied in order, a batch in
 * each attempt of consensus (core/consensus/proposer.ts), until each is decided, refused, or out of time. A key has at
 * most one attempt at a time, so this node never competes with itself.
 *
 * After a decided proposal the node keeps a lease (leases.ts). The next attempt for the key then takes one round trip.
 * This is done only for live values that do not expire: once a key is gone, an old ballot may be below the horizon
 * (register-acceptor.ts).
 *
 * Each attempt uses the placement in force when it begins. If the placement changes before it ends, its outcome stays
 * open, whatever the acceptors answered. A node that no longer owns the key starts nothing new; it continues only to
 * find out the outcome of doubtful writes.
 *
 * The outcome is exact. A failed attempt whose proposal may have been accepted leaves its writes *doubtful*: the next
 * attempt finds out whether they were applied before it proposes them again (core/consensus/register-memory.ts).
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Ballot } from '../../core/consensus/ballot.ts'
import {
  applyOperations,
  type Attempted,
  type OperationEnd,
  type RegisterOperation,
  type RegisterRound,
  versionOf,
} from '../../core/consensus/register.ts'
import { QuorateError, type ReplicaReport } from '../../core/errors.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Random } from '../../ports/random.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Deadline } from '../peers/deadlines.ts'
import { isLasting, Leases } from './leases.ts'
import { mintTimestamps } from '../identity/mint.ts'
import { encodeCopy } from '../wire/object-record.ts'
import type { PendingDot, PendingDots } from '../replica/pending-dots.ts'
import { type PeerReach, refusedWords } from '../peers/peer-reach.ts'
import {
  type AttemptParts,
  type AttemptResult,
  type Proposal,
  RegisterAttempt,
  spanOf,
} from './register-attempt.ts'
import { groupsOf, keyReused, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import type { RequestPlacer } from '../round/request-placer.ts'
import { dataKey } from '../storage/storage-keys.ts'

/** Operations that may wait for one key; further ones are refused. */
const WAITING_MAX = 4096
/** Operations applied in one attempt. */
const BATCH_MAX = 256
/** The longest pause after a failed attempt, unless `BACKOFF_ATTEMPTS` times the last attempt is longer. */
const BACKOFF_MS_MAX = 64
const BACKOFF_ATTEMPTS = 4

export interface ProposerParts extends AttemptParts {
  readonly actor: string
  readonly pending: PendingDots
  readonly reach: PeerReach
  readonly placer: RequestPlacer
}

export interface Decided {
  readonly end: OperationEnd
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

/** One operation under way. */
interface Waiting {
  readonly operation: RegisterOperation
  readonly placed: PlacedRequest
  readonly resolve: (decided: Decided) => void
  readonly reject: (error: QuorateError) => void
  /** Failed attempts whose outcome for this operation is unknown, and the hold on the horizon that each keeps. */
  readonly doubtful: Attempted[]
  readonly holds: PendingDot[]
  /** Whether the attempt under way may apply it. */
  isProposed: boolean
  isOver: boolean
  deadline: Deadline | undefined
}

/** The operations on one key that are not decided. */
interface KeyQueue {
  readonly storageKey: string
  /** Where the key is, under the placement of the attempt under way. It belongs to no particular operation. */
  placed: PlacedRequest
  waiting: Waiting[]
}

/** `moved`: the placement changed during the attempt, so the answers of its acceptors do not count. */
type AttemptEnd = AttemptResult | { readonly type: 'moved'; readonly outcome: 'unknown' }

const MOVED: AttemptEnd = { type: 'moved', outcome: 'unknown' }

/** The current value is newer than the timestamps that were minted before it was known. */
class MintedTooEarly extends Error {}

export class RegisterProposer {
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics; random: Random; timers: Timers }
  readonly #parts: ProposerParts
  readonly #queues = new Map<string, KeyQueue>()
  readonly #leases = new Leases()

  constructor(
    ports: { clock: Clock; codec: Codec; metrics: Metrics; random: Random; timers: Timers },
    parts: ProposerParts,
  ) {
    this.#ports = ports
    this.#parts = parts
  }

  /**
   * Resolves once the operation is decided. Rejects with precondition_failed, idempotency_key_reused,
   * quorum_unreachable (also if this node does not own the key), outcome_unknown, deadline_passed (a read), or
   * overloaded.
   */
  propose(placed: PlacedRequest, operation: RegisterOperation): Promise<Decided> {
    const { at, deadlineMs } = placed
    const storageKey = dataKey(at.partition, at.bucket.name, at.key)
    return new Promise((resolve, reject) => {
      const present = this.#queues.get(storageKey)
      if (present !== undefined && present.waiting.length >= WAITING_MAX) {
        const message = `${WAITING_MAX} requests are waiting for this key`
        reject(new QuorateError('overloaded', message, { retryAfterSeconds: 1 }))
        return
      }
      const waiting: Waiting = {
        operation,
        placed,
        resolve,
        reject,
        doubtful: [],
        holds: [],
        isProposed: false,
        isOver: false,
        deadline: undefined,
      }
      const delayMs = this.#parts.clock.leftMs(deadlineMs)
      waiting.deadline = this.#parts.deadlines.in(delayMs, () => this.#expire(waiting))
      if (present !== undefined) {
        present.waiting.push(waiting)
        return
      }
      const queue: KeyQueue = { storageKey, placed, waiting: [waiting] }
      this.#queues.set(storageKey, queue)
      void this.#serve(queue)
    })
  }

  /** Makes one attempt after the other until the queue is empty. */
  async #serve(queue: KeyQueue): Promise<void> {
    for (let failures = 0; ;) {
      const gone = this.#parts.placer.whyGone(queue.placed)
      if (gone !== undefined) for (const waiting of queue.waiting) this.#giveUp(waiting, gone)
      else queue.placed = this.#parts.placer.placeAgain(queue.placed)
      if (!queue.placed.owners.includes(this.#parts.self)) this.#giveUpUndoubted(queue)
      queue.waiting = queue.waiting.filter(({ isOver }) => !isOver)
      if (queue.waiting.length === 0) break
      const batch = queue.waiting.slice(0, BATCH_MAX)
      const refusal = this.#tooFewInReach(queue)
      if (refusal !== undefined) {
        for (const waiting of batch) this.#giveUp(waiting, refusal)
        continue
      }
      const startMs = this.#ports.clock.monotonicMs()
      try {
        failures = (await this.#attempt(queue, batch)) ? 0 : failures + 1
      } catch (error) {
        for (const waiting of batch) this.#giveUp(waiting, clientErrorOf(error))
      }
      if (failures > 0) {
        await this.#backOff(failures, this.#ports.clock.monotonicMs() - startMs)
      }
    }
    // Nothing was awaited since the queue was found empty, so no operation has entered it.
    this.#queues.delete(queue.storageKey)
  }

  /** False if the attempt decided nothing. Rejects if this node cannot propose at all. */
  async #attempt(queue: KeyQueue, batch: readonly Waiting[]): Promise<boolean> {
    const { clock, pending, self } = this.#parts
    const { at, placementVersion } = queue.placed
    const groups = groupsOf(queue.placed)
    // One timestamp is for the ballot, and one for the value of each operation.
    const [first, ...stamps] = await mintTimestamps(clock, batch.length + 1)
    const lease = this.#leases.take(queue.storageKey, placementVersion, clock.last)
    const ballot = lease?.ballot ?? { counter: first as Timestamp, node: self }
    assert(ballot.node === self, 'a node proposes under ballots of its own')
    const deadlineMs = Math.max(...batch.map(({ placed }) => placed.deadlineMs))
    const hold = pending.begin(first as Timestamp)
    const reports = new ReplicaReports(this.#ports.clock)
    this.#ports.metrics.count('register_rounds_total', lease ? ONE_TRIP : TWO_TRIPS)
    const span = spanOf(batch)
    const plan = { at, groups, placementVersion, ballot, deadlineMs, hold, reports, span }
    const attempt = new RegisterAttempt(this.#parts, plan)
    let proposed: readonly Waiting[] = []
    const change = (current: StoredObject | null): Proposal => {
      // Leave out operations that have ended: their clients were told that nothing was applied.
      proposed = batch.filter(({ isOver }) => !isOver)
      const round = this.#change(ballot, proposed, stamps, current)
      return { round, copy: encodeCopy(this.#ports.codec, round.next) }
    }
    try {
      const result = await attempt.run(change, lease?.copy)
      return this.#conclude(queue, proposed, attempt, this.#unlessMoved(queue, result))
    } catch (error) {
      if (!(error instanceof MintedTooEarly)) throw error
      return false
    } finally {
      hold.release()
    }
  }

  /** Applies the operations to the value that the attempt has found. */
  #change(
    ballot: Ballot,
    proposed: readonly Waiting[],
    stamps: readonly Timestamp[],
    current: StoredObject | null,
  ): RegisterRound {
    const { clock, actor } = this.#parts
    const version = current === null ? 0 : versionOf(current)
    clock.observe(version)
    if ((stamps[0] as Timestamp) <= version) throw new MintedTooEarly()
    const requested = proposed.map(({ operation, doubtful }, i) => ({
      operation,
      doubtful,
      dot: { actor, timestamp: stamps[i] as Timestamp },
    }))
    const round = applyOperations(current, requested, ballot, clock.nowMs())
    assert(round.ends.length === proposed.length, 'each operation has one outcome')
    round.ends.forEach(({ isNew }, i) => {
      ;(proposed[i] as Waiting).isProposed = isNew
    })
    return round
  }

  /** A decision of acceptors whose placement is no longer in force does not count. The next attempt looks for it. */
  #unlessMoved({ placed }: KeyQueue, result: AttemptResult): AttemptEnd {
    const isInForce = !this.#parts.placer.isOutdated(placed)
    return result.type !== 'decided' || isInForce ? result : MOVED
  }

  /** Ends or leaves open each operation of the attempt. False if the attempt decided nothing. */
  #conclude(
    { storageKey, placed }: KeyQueue,
    proposed: readonly Waiting[],
    attempt: RegisterAttempt,
    result: AttemptEnd,
  ): boolean {
    const { ballot, proposal, reports } = attempt
    if (result.type !== 'decided') {
      this.#ports.metrics.count('register_conflicts_total', { kind: result.type })
      proposal?.round.ends.forEach((end, i) =>
        this.#leaveOpen(proposed[i] as Waiting, attempt, end, result),
      )
      return false
    }
    assert(proposal !== undefined, 'what is decided was proposed')
    const { ends } = proposal.round
    if (!result.isContested && isLasting(ends.at(-1)?.object, this.#parts.clock.nowMs())) {
      this.#leases.put(storageKey, placed.placementVersion, ballot, proposal.copy)
    }
    ends.forEach((end, i) => {
      const decided = { end, received: result.received, replicas: reports.list() }
      this.#settle(proposed[i] as Waiting, decided)
    })
    return true
  }

  #settle(waiting: Waiting, decided: Decided): void {
    const { result } = decided.end
    if (result.type === 'condition failed') {
      const found =
        result.tag === undefined ? 'there is no value' : `the value has the ETag ${result.tag}`
      const message = `the condition does not hold: ${found}; nothing was applied`
      this.#end(waiting, () => waiting.reject(new QuorateError('precondition_failed', message)))
    } else if (result.type === 'key reused') {
      this.#end(waiting, () => waiting.reject(keyReused()))
    } else if (result.type === 'forgotten') {
      this.#giveUp(
        waiting,
        new QuorateError(
          'outcome_unknown',
          'too many later writes followed: the outcome of this one is lost',
        ),
      )
    } else this.#end(waiting, () => waiting.resolve(decided))
  }

  /** The attempt failed: its effect on this operation is either none, or doubtful. */
  #leaveOpen(
    waiting: Waiting,
    { ballot, hold }: RegisterAttempt,
    { isNew, result }: OperationEnd,
    failed: Exclude<AttemptEnd, { type: 'decided' }>,
  ): void {
    waiting.isProposed = false
    if (failed.outcome === 'rejected' || !isNew || waiting.isOver) return
    assert(result.type === 'written', 'only a write takes effect')
    // A later attempt may still find the write decided, so the horizon stays below its ballot.
    hold.hold()
    waiting.holds.push(hold)
    waiting.doubtful.push({ ballot, done: result })
  }

  #expire(waiting: Waiting): void {
    const { operation, placed } = waiting
    const within = `within ${placed.timeoutMs} ms`
    const required = majority(placed.owners.length)
    if (operation.type === 'read') {
      const message = `no majority of the owners agreed ${within}`
      this.#end(waiting, () =>
        waiting.reject(new QuorateError('deadline_passed', message, { required })),
      )
      return
    }
    const message = `no majority of the owners accepted the write ${within}; nothing was applied`
    this.#giveUp(
      waiting,
      new QuorateError('quorum_unreachable', message, { required, retryAfterSeconds: 1 }),
    )
  }

  /** Gives up what has certainly not been applied, because this node no longer owns the key. */
  #giveUpUndoubted({ placed, waiting }: KeyQueue): void {
    const { self } = this.#parts
    const error = new QuorateError('quorum_unreachable', `${self} does not own the key any more`, {
      required: majority(placed.owners.length),
      received: 0,
      retryAfterSeconds: 1,
    })
    for (const one of waiting) if (one.doubtful.length === 0) this.#giveUp(one, error)
  }

  /** Ends the operation with `error`, or with outcome_unknown if it may have been applied. */
  #giveUp(waiting: Waiting, error: QuorateError): void {
    const isUnknown = waiting.isProposed || waiting.doubtful.length > 0
    const told =
      isUnknown && error.kind.outcome === 'rejected'
        ? new QuorateError('outcome_unknown', `the write may have been decided: ${error.message}`, {
            required: majority(waiting.placed.owners.length),
          })
        : error
    this.#end(waiting, () => waiting.reject(told))
  }

  #end(waiting: Waiting, tell: () => void): void {
    if (waiting.isOver) return
    waiting.isOver = true
    if (waiting.deadline !== undefined) this.#parts.deadlines.cancel(waiting.deadline)
    for (const hold of waiting.holds.splice(0)) hold.release()
    tell()
  }

  /** Returns an error if too few owners are believed to be in reach. The belief can only prevent an attempt. */
  #tooFewInReach({ placed }: KeyQueue): QuorateError | undefined {
    const { self, reach, clock } = this.#parts
    for (const owners of groupsOf(placed)) {
      const near = owners.filter((owner) => owner === self || reach.isReachable(owner))
      const required = majority(owners.length)
      if (near.length >= required) continue
      return new QuorateError(
        'quorum_unreachable',
        `consensus needs ${required} of ${owners.join(', ')}; in reach of ${self}: ${near.join(', ')}${refusedWords(owners, clock)}`,
        { required, received: 0, retryAfterSeconds: 1 },
      )
    }
    return undefined
  }

  /** Without this pause, two proposers far from the owners would end each other's attempts again and again. */
  #backOff(failures: number, attemptMs: number): Promise<void> {
    const { random, timers } = this.#ports
    const mostMs = Math.max(BACKOFF_MS_MAX, BACKOFF_ATTEMPTS * Math.ceil(attemptMs))
    const delayMs = 1 + random.below(Math.min(mostMs, 2 ** failures))
    return new Promise((resolve) => void timers.after(delayMs, resolve))
  }
}

const ONE_TRIP = { kind: 'one trip' }
const TWO_TRIPS = { kind: 'two trips' }

/** The error to tell the clients. Throws any other error again: a broken invariant has to end the node. */
function clientErrorOf(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  throw error
}
