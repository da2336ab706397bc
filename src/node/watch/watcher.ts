/**
 * One watch: reads the logs that core/watch/following.ts chooses, and tells its reader which keys have changed.
 *
 * The reader takes one step after the other. Each log has at most one page that is asked for or waits for the reader, so
 * a slow reader costs a bounded amount of memory, and slows nobody down. A reader that is too slow for the logs gets a
 * `reset`.
 *
 * Invariant: the position of a step lies behind nothing that the reader was not given, in this step or an earlier one.
 */
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import { type Bucket, PARTITION_COUNT } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import { type FeedAsk, firstPosition, Following, type Sample } from '../../core/watch/following.ts'
import type { Position } from '../../core/watch/position.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Watch, WatchedKey, WatchPosition, WatchStatus, WatchStep } from '../service/watch.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { ChangesAnswer } from '../wire/asks/watch-asks.ts'
import { PAGE_KEYS_MAX } from './change-pages.ts'
import type { ChangedKeys } from './changed-keys.ts'
import { hiddenPartitions, type LogReader } from './log-reader.ts'
import { Snapshot, type SnapshotParts } from './snapshot.ts'

const TICK_MS = 250
/** A log without news is read again after this time, because news may get lost. */
const POLL_MS = 1000
/** A node is done without when it has not answered for this long. */
const PATIENCE_MS = 2000
const SAMPLE_INTERVAL_MS = 5000
const PARTITIONS = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition)

export interface WatcherParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly reader: LogReader
  readonly changedKeys: ChangedKeys
  readonly reachable: (node: string) => boolean
  /** The members in reach: this node first, then the nearest. */
  readonly nearest: () => readonly string[]
}

interface ReadPage {
  readonly node: string
  readonly ask: FeedAsk
  readonly answer: ChangesAnswer
  readonly keys: readonly WatchedKey[]
}

export class Watcher implements Watch {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #parts: WatcherParts
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #onClosed: () => void
  #following = new Following(NOWHERE, PARTITIONS)
  /** The list of every key that is under way. */
  #snapshot: Snapshot | undefined
  /** Pages that wait for the reader. */
  #pages: ReadPage[] = []
  /** Nodes with a page that is asked for, or waits for the reader. */
  readonly #busy = new Set<string>()
  /** Nodes whose logs have more to read. */
  readonly #news = new Set<string>()
  readonly #askedMs = new Map<string, number>()
  readonly #sampledMs = new Map<string, number>()
  /** Since when a node has not answered. */
  readonly #silentSinceMs = new Map<string, number>()
  /** Nodes that have answered, or not, about the places that are followed now (`resume`). */
  readonly #heard = new Set<string>()
  #isLost = false
  #end: string | undefined
  #wake: (() => void) | undefined
  readonly #timer: Timer

  /** Call `begin` or `resume` before anything else. */
  constructor(
    ports: { clock: Clock; timers: Timers },
    parts: WatcherParts,
    watched: { bucket: Bucket; prefix: string },
    onClosed: () => void,
  ) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#parts = parts
    this.#bucket = watched.bucket
    this.#prefix = watched.prefix
    this.#onClosed = onClosed
    this.#timer = ports.timers.every(TICK_MS, () => this.#drive())
  }

  get position(): WatchPosition {
    if (this.#isLost || this.#snapshot !== undefined) return 'everything'
    return this.#following.position()
  }

  /** Begins at the ends of all logs. Rejects with quorum_unreachable if no log tells of some data partitions. */
  async begin(from: 'now' | 'everything'): Promise<void> {
    const hidden = await this.#beginAnew(from)
    if (hidden.length > 0) throw hiddenPartitions(hidden)
    this.#drive()
  }

  /** Continues at the given position. Resolves with false if the changes after it are gone. */
  async resume(position: Position): Promise<boolean> {
    this.#following = new Following(position, PARTITIONS)
    this.#drive()
    while (!this.#isLost && this.#end === undefined) {
      // A node that has said nothing yet may say that its log is gone.
      if ([...this.#following.nodes()].every((node) => this.#heard.has(node))) break
      await this.#woken()
    }
    return !this.#isLost
  }

  async next(): Promise<WatchStep> {
    for (;;) {
      if (this.#end !== undefined) return { type: 'end', reason: this.#end }
      if (this.#isLost) {
        if ((await this.#beginAnew('everything')).length === 0) return { type: 'reset' }
        await this.#woken()
        continue
      }
      const step =
        this.#snapshot === undefined ? this.#nextPage() : await this.#list(this.#snapshot)
      if (step !== undefined) return step
      if (this.#snapshot === undefined && this.#pages.length === 0 && !this.#isLost) {
        await this.#woken()
      }
    }
  }

  status(): WatchStatus {
    const isBeginning = this.#isLost || this.#snapshot !== undefined
    const hidden = new Set(isBeginning ? PARTITIONS : this.#following.waiting)
    for (const node of this.#silentSinceMs.keys()) {
      for (const partition of this.#following.partitionsOf(node)) hidden.add(partition)
    }
    for (const partition of PARTITIONS) {
      const owners = this.#ownersOf(partition)
      const near = owners.filter((owner) => this.#isInReach(owner))
      if (near.length < majority(owners.length)) hidden.add(partition)
    }
    const settled = this.#following.settled()
    return {
      hiddenPartitions: [...hidden].sort((a, b) => a - b),
      toldUntilMs: settled === 0 ? undefined : wallMsOf(settled),
    }
  }

  close(): void {
    this.stop('the watch was closed')
  }

  /** Ends the watch for that reason. */
  stop(reason: string): void {
    if (this.#end !== undefined) return
    this.#end = reason
    this.#timer.cancel()
    this.#pages = []
    this.#wake?.()
    this.#onClosed()
  }

  /** The log of the node has grown. */
  heardNews(node: string): void {
    this.#news.add(node)
    this.#drive()
  }

  /** Undefined if there is no page, or the page no longer counts. */
  #nextPage(): WatchStep | undefined {
    const page = this.#pages.shift()
    if (page === undefined) return undefined
    const { node, ask, answer, keys } = page
    this.#busy.delete(node)
    const isTaken = this.#following.took(ask, answer)
    if (!answer.isEnd) this.#news.add(node)
    this.#drive()
    return isTaken ? { type: 'changes', keys, position: this.position } : undefined
  }

  async #list(snapshot: Snapshot): Promise<WatchStep | undefined> {
    const keys = await snapshot.next()
    if (this.#end !== undefined) return undefined
    if (keys === 'failed') {
      this.#isLost = true
      return undefined
    }
    if (keys !== 'done') {
      return keys.length === 0 ? undefined : { type: 'changes', keys, position: 'everything' }
    }
    this.#snapshot = undefined
    // Only now: until the logs are read, nothing of them is settled, so no feed can have moved to another owner.
    this.#drive()
    return this.#isLost ? undefined : { type: 'complete', position: this.position }
  }

  /** Chooses the feeds, and asks for whatever is due. */
  #drive(): void {
    if (this.#end !== undefined) return
    const { keeper, self } = this.#parts
    if (!keeper.isMember(self)) return this.stop(`${self} is no longer a member`)
    if (keeper.bucket(this.#bucket.name) === undefined) return this.stop('the bucket is gone')
    this.#sampleDue()
    if (this.#isLost || this.#snapshot !== undefined) {
      this.#wake?.()
      return
    }
    this.#following.keepMarksOf(keeper.topology.members.map(({ id }) => id))
    const owners = {
      of: (partition: number) => this.#ownersOf(partition),
      isOut: (node: string) => this.#isOut(node),
    }
    if (this.#following.place(owners) === 'lost') {
      this.#isLost = true
      this.#pages = []
      this.#wake?.()
      return
    }
    for (const node of this.#following.nodes()) if (this.#isDue(node)) void this.#read(node)
  }

  #isDue(node: string): boolean {
    if (this.#busy.has(node)) return false
    const nowMs = this.#clock.monotonicMs()
    const elapsedMs = nowMs - (this.#askedMs.get(node) ?? Number.NEGATIVE_INFINITY)
    if (this.#silentSinceMs.has(node)) return elapsedMs >= TICK_MS
    return this.#news.has(node) || elapsedMs >= POLL_MS
  }

  async #read(node: string): Promise<void> {
    const following = this.#following
    const ask = following.next(node)
    if (ask === undefined) return
    this.#busy.add(node)
    this.#news.delete(node)
    this.#askedMs.set(node, this.#clock.monotonicMs())
    const { life, sequence, until, partitions } = ask
    const answer = await this.#parts.reader.page(node, {
      bucket: this.#bucket.name,
      prefix: this.#prefix,
      life,
      after: sequence,
      until,
      partitions,
      limit: PAGE_KEYS_MAX,
    })
    const keys = answer && (await this.#keysOf(answer))
    if (this.#end !== undefined) return
    this.#heard.add(node)
    this.#noteAnswer(node, keys !== undefined)
    if (following === this.#following) {
      if (answer === undefined || keys === undefined) this.#busy.delete(node)
      else this.#take({ node, ask, answer, keys })
    }
    this.#wake?.()
    this.#drive()
  }

  #take(page: ReadPage): void {
    const { node, ask, answer, keys } = page
    if (answer.life === ask.life && answer.gone.length === 0 && keys.length > 0) {
      this.#pages.push(page)
      return
    }
    this.#busy.delete(node)
    if (answer.life === ask.life && answer.gone.length === 0) {
      this.#following.took(ask, answer)
      if (!answer.isEnd) this.#news.add(node)
      return
    }
    if (answer.life !== ask.life) this.#following.lives(node, answer.life)
    else this.#following.gone(ask, answer.gone)
    // Its data partitions continue at other places, of which nothing is known yet.
    this.#heard.clear()
    for (const { id } of this.#parts.keeper.topology.members) this.#news.add(id)
  }

  /** Undefined if a key cannot be told yet. */
  #keysOf(answer: ChangesAnswer): Promise<readonly WatchedKey[] | undefined> {
    return this.#parts.changedKeys.of(this.#bucket, answer, () => this.#end !== undefined)
  }

  #noteAnswer(node: string, isAnswered: boolean): void {
    if (isAnswered) this.#silentSinceMs.delete(node)
    else if (!this.#silentSinceMs.has(node)) {
      this.#silentSinceMs.set(node, this.#clock.monotonicMs())
    }
  }

  /** Samples all logs now and then: the watch may have to continue in any of them. The nodes go on recording. */
  #sampleDue(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const { id } of this.#parts.keeper.topology.members) {
      const sampledMs = this.#sampledMs.get(id) ?? Number.NEGATIVE_INFINITY
      if (nowMs - sampledMs < SAMPLE_INTERVAL_MS) continue
      this.#sampledMs.set(id, nowMs)
      void this.#sample(id)
    }
  }

  async #sample(node: string): Promise<void> {
    const following = this.#following
    const sample = await this.#parts.reader.sample(node, this.#bucket.name)
    if (sample === undefined || this.#end !== undefined) return
    this.#silentSinceMs.delete(node)
    if (following === this.#following) following.sampled(sample)
  }

  /** Begins at the ends of all logs. Returns the data partitions of which no log tells; nothing is changed then. */
  async #beginAnew(from: 'now' | 'everything'): Promise<readonly number[]> {
    const { reader, nearest } = this.#parts
    const asked = nearest().map((node) => reader.sample(node, this.#bucket.name))
    const samples = (await Promise.all(asked)).filter((sample): sample is Sample => !!sample)
    const first = firstPosition(samples, PARTITIONS, (partition) => this.#ownersOf(partition))
    if ('hidden' in first) return first.hidden
    // Another owner may hold earlier writes that the list of this one lacks, so its log is no place to continue yet.
    const marks = from === 'everything' ? [] : first.marks
    this.#following = new Following({ ...first, marks }, PARTITIONS)
    if (from === 'everything') {
      for (const sample of samples) this.#following.sampled(sample)
      this.#snapshot = new Snapshot(this.#snapshotParts(), this.#bucket, this.#prefix, first.feeds)
    }
    this.#isLost = false
    this.#pages = []
    this.#busy.clear()
    this.#news.clear()
    this.#silentSinceMs.clear()
    return []
  }

  #snapshotParts(): SnapshotParts {
    const { reader, changedKeys, clock } = this.#parts
    return {
      changedKeys,
      list: (...place) => reader.list(...place),
      latestMs: () => clock.nowMs() + 2 * clock.maxDriftMs,
      pause: () => new Promise((resolve) => void this.#timers.after(TICK_MS, resolve)),
      isClosed: () => this.#end !== undefined,
    }
  }

  #ownersOf(partition: number): readonly string[] {
    return placementAt(this.#parts.keeper.topology, this.#bucket.n, partition).owners
  }

  #isOut(node: string): boolean {
    const sinceMs = this.#silentSinceMs.get(node)
    if (sinceMs !== undefined) return this.#clock.monotonicMs() - sinceMs >= PATIENCE_MS
    return !this.#following.nodes().has(node) && !this.#isInReach(node)
  }

  #isInReach(node: string): boolean {
    return node === this.#parts.self || this.#parts.reachable(node)
  }

  /** Resolves at the next page, or the next change of the state. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}

const NOWHERE: Position = { feeds: [], marks: [] }
