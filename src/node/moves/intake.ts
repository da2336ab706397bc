/**
 * This node's part in a change of the members while copies are moved to it. First it clears what an earlier ownership
 * left of the partitions that it gains. Then it streams them in key order, from an owner in reach. Then it compares
 * them with every owner once more, which finds what the stream missed. Only that comparison counts:
 * after it, this node holds every write that the owners acknowledged before writes went to this node too. At last it
 * inherits the ballot promises of the owners, and reports that it is done.
 */
import { AssertionError } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { gainedPartitions, reportDone, waitingFor } from '../../core/placement/change-steps.ts'
import { isLostMember } from '../../core/placement/lost-members.ts'
import type { MemberChange } from '../../core/placement/member-change.ts'
import { isHolder, isKeeper, placementAt } from '../../core/placement/preference-list.ts'
import { copyCounts, type Topology } from '../../core/placement/topology.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timers } from '../../ports/timers.ts'
import type { GainedPartitions, GainedPlace } from './gained-partitions.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import { copyIn } from '../round/received-copies.ts'
import { type IntakeWork, isWorkFor } from './intake-work.ts'
import { type DropParts, dropRecords } from '../storage/partition-drop.ts'
import { namedRecords, type NamedRecord } from './partition-stream.ts'
import type { Peers } from '../peers/peers.ts'
import type { Replica } from '../replica/replica.ts'
import type { NodeMove } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { REGISTER_PROMISED } from '../wire/asks/register-asks.ts'
import { STREAM } from '../wire/asks/move-asks.ts'

const ASK_TIMEOUT_MS = 5000
const RETRY_INTERVAL_MS = 500
/** After each page the stream rests this many times as long as the page took, because clients come first. */
const REST_FACTOR = 4
const REST_MS_MAX = 1000

export interface IntakeParts extends DropParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly state: NodeState
  readonly clock: NodeClock
  readonly peers: Peers
  readonly replica: Replica
  readonly gained: GainedPartitions
  readonly reachable: (node: string) => boolean
  /** The rounds begun so far, and a request for another one as soon as possible (anti-entropy.ts). */
  readonly rounds: () => number
  readonly compare: () => void
  /** Called before this node claims these partitions: takes a new actor, and a ballot floor at `promisedUpTo`. */
  readonly beforeOwning: (partitions: readonly number[], promisedUpTo: Timestamp) => Promise<void>
  /** Proposes the next topology document. */
  readonly propose: (step: (current: Topology) => Topology | undefined) => Promise<unknown>
}

/** The work was given up because the change has moved on, or this node stops. */
class GivenUp extends Error {}

export class Intake {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: IntakeParts
  #work: IntakeWork | undefined
  /** Resolves when no work is under way. Two at once would clear what the other one has taken over. */
  #ended: Promise<void> = Promise.resolve()
  #isStopped = false
  #isClearing = false
  #wake: (() => void) | undefined

  constructor(
    ports: { clock: Clock; timers: Timers; log: Log; metrics: Metrics },
    parts: IntakeParts,
  ) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
  }

  /** Whether whole partitions are being streamed here. No comparisons run meanwhile. */
  get isStreaming(): boolean {
    return this.#work?.isStreaming === true
  }

  /** Call after the network has started, and after each change of the topology. */
  look(): void {
    const { keeper, self } = this.#parts
    const { change } = keeper.topology
    if (!this.#isClearing) void this.#clearOwned()
    const mine = change?.phase === 'moving' ? change : undefined
    const partitions = gainedPartitions(keeper.topology, self)
    if (this.#work !== undefined && !isWorkFor(this.#work, mine?.id, partitions)) {
      this.#work.isOver = true
      this.#work = undefined
      this.#wake?.()
    }
    if (mine === undefined || this.#work !== undefined || this.#isStopped) return
    if (partitions.length === 0) return
    const work: IntakeWork = {
      changeId: mine.id,
      partitions,
      startMs: this.#clock.monotonicMs(),
      streamed: 0,
      keys: 0,
      bytes: 0,
      firstRound: undefined,
      tookOver: new Set(),
      isStreaming: true,
      isOver: false,
    }
    this.#work = work
    this.#ended = this.#ended.then(() => this.#run(work))
  }

  stop(): void {
    this.#isStopped = true
    if (this.#work !== undefined) this.#work.isOver = true
    this.#wake?.()
  }

  /** Everything that the peer held of the compared partitions when that round began is durable here. */
  tookOver(peer: string, round: number): void {
    const work = this.#work
    if (work?.firstRound === undefined || round <= work.firstRound) return
    work.tookOver.add(peer)
    this.#wake?.()
  }

  progress(): NodeMove | undefined {
    const work = this.#work
    if (work === undefined) return undefined
    const { self, keeper } = this.#parts
    const { partitions, streamed, keys, bytes, startMs } = work
    const { change } = keeper.topology
    const isDone = change?.done.includes(self) === true
    const elapsedMs = this.#clock.monotonicMs() - startMs
    const left = partitions.length - streamed
    const waits = work.isStreaming ? [] : this.#unheard(work)
    return {
      node: self,
      state: isDone ? 'done' : work.isStreaming ? 'streaming' : 'comparing',
      partitions: partitions.length,
      partitionsDone: streamed,
      keys,
      bytes,
      secondsLeft: streamed === 0 ? null : Math.ceil((elapsedMs / streamed / 1000) * left),
      waitsFor: isDone ? '' : waits.join(', '),
    }
  }

  async #run(work: IntakeWork): Promise<void> {
    while (!work.isOver) {
      try {
        await this.#prepare(work)
        await this.#stream(work)
        await this.#compare(work)
        await this.#parts.beforeOwning(work.partitions, await this.#promised(work))
        await this.#report(work)
        return
      } catch (error) {
        if (error instanceof GivenUp) return
        if (error instanceof AssertionError) throw error
        this.#log.warn({ error: String(error) }, 'taking over partitions failed: trying again')
        await this.#pause(RETRY_INTERVAL_MS)
      }
    }
  }

  /** Nothing of the partitions is read or stored before this is done (keeping.ts). */
  async #prepare(work: IntakeWork): Promise<void> {
    const { gained, keeper, self } = this.#parts
    const { topology } = keeper
    const copies = copyCounts(topology)
    const places = work.partitions.flatMap((partition) =>
      copies
        .filter((n) => {
          const { owners, next } = placementAt(topology, n, partition)
          return next?.includes(self) === true && !owners.includes(self)
        })
        .map((n) => ({ partition, copies: n })),
    )
    const left = places.filter((place) => !gained.isClearedFor(place, work.changeId))
    await this.#clear(left, work.changeId, () => this.#check(work))
    work.firstRound ??= this.#parts.rounds()
  }

  /** Drops the records of places that this node did not keep. `check` throws if that is not wanted any more. */
  async #clear(places: readonly GainedPlace[], changeId: number, check: () => void): Promise<void> {
    const { gained, clock, keeper } = this.#parts
    for (const { partition, copies } of places) {
      check()
      await dropRecords(this.#parts, partition, (bucket) => keeper.bucket(bucket)?.n === copies)
    }
    check()
    if (places.length > 0) await gained.cleared(places, changeId, clock.last)
  }

  /**
   * Clears places that this node owns without having taken them over: its directory is an old one, and is refilled
   * (arrival.ts).
   */
  async #clearOwned(): Promise<void> {
    const { keeper, self, gained } = this.#parts
    this.#isClearing = true
    while (!this.#isStopped) {
      const { topology } = keeper
      const places = gained
        .uncleared()
        .filter(({ partition, copies }) =>
          placementAt(topology, copies, partition).owners.includes(self),
        )
      if (places.length === 0) break
      await this.#clear(places, topology.epoch, () => undefined).catch(() => undefined)
      if (!places.every((place) => gained.isCleared(place))) await this.#pause(RETRY_INTERVAL_MS)
    }
    this.#isClearing = false
  }

  async #stream(work: IntakeWork): Promise<void> {
    const { state } = this.#parts
    const saved = state.get('intake')
    const [changeId, partition, after] = (Array.isArray(saved) ? saved : []) as unknown[]
    const at = changeId === work.changeId ? work.partitions.indexOf(partition as number) : -1
    let cursor = at < 0 ? '' : String(after)
    work.streamed = Math.max(at, 0)
    this.#log.info({ partitions: work.partitions.length }, 'data partitions are being taken over')
    while (work.streamed < work.partitions.length) {
      const next = work.partitions[work.streamed] as number
      const startMs = this.#clock.monotonicMs()
      const more = await this.#takePage(work, next, cursor)
      this.#check(work)
      if (more === undefined) work.streamed++
      cursor = more ?? ''
      const place = [work.changeId, work.partitions[work.streamed] ?? next, cursor]
      // If a crash loses it, some pages come twice.
      state.set('intake', place).catch(() => undefined)
      const tookMs = this.#clock.monotonicMs() - startMs
      await this.#pause(Math.min(REST_MS_MAX, tookMs * REST_FACTOR))
      this.#check(work)
    }
    work.isStreaming = false
    this.#log.info({ keys: work.keys, bytes: work.bytes }, 'data partitions have been streamed')
  }

  /** Returns the key after which to go on; undefined at the end of the partition. */
  async #takePage(work: IntakeWork, partition: number, after: string): Promise<string | undefined> {
    const { peers, clock } = this.#parts
    let failure: string | undefined
    for (const source of this.#sourcesOf(partition)) {
      const deadlineMs = clock.nowMs() + ASK_TIMEOUT_MS
      const reply = await peers.request(source, STREAM, { partition, after }, deadlineMs)
      this.#check(work)
      if (reply.type === 'ok') {
        await this.#takeRecords(work, source, namedRecords(partition, reply.answer))
        return reply.answer.next
      }
      const why = reply.type === 'refused' ? reply.message : reply.type
      failure = `${source} sends no page of partition ${partition}: ${why}`
    }
    if (failure !== undefined) throw new Error(failure)
    return undefined
  }

  async #takeRecords(
    work: IntakeWork,
    source: string,
    records: readonly NamedRecord[],
  ): Promise<void> {
    const { keeper, self, replica } = this.#parts
    let bytes = 0
    const taken = records.map(async ({ at, record }) => {
      const bucket = keeper.bucket(at.bucket)
      const copy = copyIn(replica, record)
      // The comparison finds and repairs a damaged record.
      if (bucket === undefined || copy === undefined) return
      if (!isKeeper(keeper.topology, bucket.n, at.partition, self)) return
      bytes += record.length
      await new Promise<void>((resolve, reject) => {
        replica.reconcile({ ...at, bucket }, copy, 0, (_copy, refusal) =>
          refusal === undefined ? resolve() : reject(new Error(refusal.message)),
        )
      })
    })
    await Promise.all(taken)
    work.keys += taken.length
    work.bytes += bytes
    this.#metrics.count('moved_keys_total', { peer: source }, taken.length)
    this.#metrics.count('moved_bytes_total', { peer: source }, bytes)
  }

  /**
   * The owners in reach, of the first bucket for which this node gains the partition. Empty if all owners are lost
   * members. Throws if the owners are out of reach.
   */
  #sourcesOf(partition: number): readonly string[] {
    const { keeper, self, reachable } = this.#parts
    const { topology } = keeper
    let isAnybodyLeft = false
    for (const { n } of topology.buckets) {
      const { owners, next } = placementAt(topology, n, partition)
      if (owners.includes(self) || next?.includes(self) !== true) continue
      const left = owners.filter((owner) => !isLostMember(topology, owner))
      const near = left.filter(reachable)
      if (near.length > 0) return near
      isAnybodyLeft ||= left.length > 0
    }
    if (!isAnybodyLeft) return []
    throw new Error(`no owner of partition ${partition} is in reach`)
  }

  async #compare(work: IntakeWork): Promise<void> {
    while (this.#unheard(work).length > 0) {
      this.#parts.compare()
      await this.#pause(RETRY_INTERVAL_MS)
      this.#check(work)
    }
  }

  /** An upper bound of the promises that the owners gave to proposals of older placements. */
  async #promised(work: IntakeWork): Promise<Timestamp> {
    const { keeper, peers, clock } = this.#parts
    const told = this.#owners(work).map(async (owner): Promise<Timestamp> => {
      const deadlineMs = clock.nowMs() + ASK_TIMEOUT_MS
      const request = { placementVersion: keeper.placementVersion }
      const reply = await peers.request(owner, REGISTER_PROMISED, request, deadlineMs)
      const promised = reply.type === 'ok' ? reply.answer.promisedUpTo : undefined
      // A floor far ahead of all clocks would keep these keys undecidable until then.
      if (promised !== undefined && !clock.isTooFarAhead(promised)) return promised
      throw new Error(`${owner} did not tell its ballot promises`)
    })
    return Math.max(clock.last, ...(await Promise.all(told)))
  }

  /** Owners of the gained partitions with which this node has not compared yet. */
  #unheard(work: IntakeWork): string[] {
    return this.#owners(work).filter((id) => !work.tookOver.has(id))
  }

  /** Owners of the gained partitions, except lost members. */
  #owners({ partitions }: IntakeWork): string[] {
    const { keeper, self } = this.#parts
    const { topology } = keeper
    const copies = copyCounts(topology)
    return topology.members
      .map(({ id }) => id)
      .filter((id) => id !== self && !isLostMember(topology, id))
      .filter((id) => copies.some((n) => partitions.some((p) => isHolder(topology, n, p, id))))
  }

  async #report(work: IntakeWork): Promise<void> {
    const { propose, self } = this.#parts
    while (!work.isOver && this.#isAwaited(work)) {
      const step = (current: Topology): Topology | undefined =>
        reportDone(current, work.changeId, 'moving', self)
      await propose(step).catch((error: unknown) => {
        this.#log.info({ error: String(error) }, 'reporting the takeover failed: trying again')
      })
      if (this.#isAwaited(work)) await this.#pause(RETRY_INTERVAL_MS)
    }
  }

  #isAwaited({ changeId }: IntakeWork): boolean {
    const { keeper, self } = this.#parts
    const change: MemberChange | undefined = keeper.topology.change
    return (
      change?.id === changeId &&
      change.phase === 'moving' &&
      waitingFor(keeper.topology).includes(self)
    )
  }

  #check(work: IntakeWork): void {
    if (work.isOver || this.#isStopped) throw new GivenUp('the change has gone on')
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(delayMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
