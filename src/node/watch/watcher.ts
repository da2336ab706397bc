/**
 * One watch: reads the logs that core/watch/following.ts chooses, and tells its reader which keys have changed.
 *
 * The reader takes one step after the other. Each log has at most one page that is asked for or waits for the reader,
 * and one more for the data partitions that are held back. So a slow reader costs a bounded amount of memory, and slows
 * nobody down. If a log forgets changes before a slow reader has got them, the reader gets a `reset`.
 *
 * A watch that begins with every key goes through these states. Any other watch begins with the third:
 *
 * 1. It lists the keys (`#keyList`), and lists those again that could not be told at first.
 * 2. It reads on until each followed log has been read from before the list (`#unread`). Then the list is complete.
 * 3. It follows the logs.
 *
 * It is lost (`#isLost`) when it may have missed changes: it tells its reader so, and begins with every key again. Once it
 * has ended (`#end`), nothing follows.
 *
 * Invariant: the reader was given everything before the position of a step, in this step or an earlier one.
 */
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import { type Bucket, PARTITION_COUNT } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import { firstPosition, Following, type Sample } from '../../core/watch/following.ts'
import type { Position } from '../../core/watch/position.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { AnswerGate } from '../round/answer-gate.ts'
import type { Watch, WatchPosition, WatchStatus, WatchStep } from '../service/watch.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { PAGE_KEYS_MAX } from './change-pages.ts'
import type { ChangedKeys } from './changed-keys.ts'
import { partitionsUntold, type LogReader } from './log-reader.ts'
import type { ReadPage } from './read-page.ts'
import { HELD_MS, ReadTurns, TICK_MS } from './read-turns.ts'
import { SilentNodes } from './silent-nodes.ts'
import { KeyList, type KeyListParts } from './key-list.ts'

const SAMPLE_INTERVAL_MS = 5000
const PARTITIONS = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition)

export interface WatcherParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly reader: LogReader
  readonly changedKeys: ChangedKeys
  readonly gate: AnswerGate
  readonly reachable: (node: string) => boolean
  /** The members in reach: this node first, then the nearest. */
  readonly nearest: () => readonly string[]
}

export class Watcher implements Watch {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #parts: WatcherParts
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #onClosed: () => void
  #following = new Following(NOWHERE, PARTITIONS)
  /** The list of every key, while it is under way. */
  #keyList: KeyList | undefined
  #listAgainMs = 0
  /** The list is complete once none is left: nodes whose logs have not yet gone on from before the list. */
  #unread: Set<string> | undefined
  /** Pages that wait for the reader. */
  #pages: ReadPage[] = []
  readonly #turns: ReadTurns
  readonly #sampledMs = new Map<string, number>()
  readonly #silent: SilentNodes
  /** Nodes that were asked for a page since the places changed: the ask has ended, perhaps without an answer. */
  readonly #heard = new Set<string>()
  /** The watch has missed changes and begins again. */
  #isLost = false
  /** Why the watch has ended. */
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
    this.#turns = new ReadTurns(ports.clock)
    this.#silent = new SilentNodes(ports.clock)
    this.#timer = ports.timers.every(TICK_MS, () => this.#drive())
  }

  get position(): WatchPosition {
    if (this.#isLost || this.#isBeginning) return 'everything'
    return this.#following.position()
  }

  /** Begins at the ends of all logs. Rejects with quorum_unreachable if no log tells of some data partitions. */
  async begin(from: 'now' | 'everything'): Promise<void> {
    const hidden = await this.#beginAnew(from)
    if (hidden.length > 0) throw partitionsUntold(hidden)
    this.#drive()
  }

  /** Continues at the given position. Resolves with false if the changes after it are gone. */
  async resume(position: Position): Promise<boolean> {
    this.#following = new Following(position, PARTITIONS)
    this.#drive()
    while (!this.#isLost && this.#end === undefined) {
      // A node that has not been heard may still say that its log is gone.
      if ([...this.#following.nodes()].every((node) => this.#heard.has(node))) break
      await this.#woken()
    }
    return !this.#isLost
  }

  async next(): Promise<WatchStep> {
    const { gate } = this.#parts
    for (;;) {
      // A backup holds back answers for a moment. Wait before a step is taken: taking it moves the position.
      if (gate.isClosed) await gate.opened()
      if (this.#end !== undefined) return { type: 'end', reason: this.#end }
      if (this.#isLost) {
        if ((await this.#beginAnew('everything')).length === 0) return { type: 'reset' }
        await this.#woken()
        continue
      }
      if (this.#unread?.size === 0) {
        this.#unread = undefined
        return { type: 'complete', position: this.position }
      }
      const step = this.#nextPage() ?? (await this.#listKeys())
      if (gate.isClosed) await gate.opened()
      if (step !== undefined) return step
      if (!this.#isListDue() && this.#pages.length === 0 && !this.#isLost) await this.#woken()
    }
  }

  status(): WatchStatus {
    const isListing = this.#keyList?.round === 0
    const hidden = new Set(this.#isLost || isListing ? PARTITIONS : this.#following.waiting)
    for (const partition of this.#following.held) hidden.add(partition)
    for (const node of [...this.#silent.nodes(), ...(this.#unread ?? [])]) {
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
    this.#turns.heardNews(node)
    this.#drive()
  }

  /** Whether the list of every key is not complete. */
  get #isBeginning(): boolean {
    return this.#keyList !== undefined || this.#unread !== undefined
  }

  /** Undefined if there is no page, or the page no longer counts. */
  #nextPage(): WatchStep | undefined {
    const page = this.#pages.shift()
    if (page === undefined) return undefined
    this.#turns.end(page.node, page.ask.isHeld)
    const isTaken = this.#took(page)
    this.#drive()
    return isTaken ? { type: 'changes', keys: page.keys, position: this.position } : undefined
  }

  #took({ node, ask, answer, undecided }: ReadPage): boolean {
    const isTaken = this.#following.took(ask, answer, undecided)
    if (!answer.isEnd && undecided.size < ask.partitions.length) this.#turns.heardNews(node)
    return isTaken
  }

  #isListDue(): boolean {
    if (this.#keyList === undefined) return false
    return this.#keyList.round === 0 || this.#clock.monotonicMs() >= this.#listAgainMs
  }

  async #listKeys(): Promise<WatchStep | undefined> {
    const keyList = this.#keyList
    if (keyList === undefined || !this.#isListDue()) return undefined
    const { round } = keyList
    const keys = await keyList.next()
    if (this.#end !== undefined || keyList !== this.#keyList) return undefined
    if (keys === 'failed') {
      this.#isLost = true
      return undefined
    }
    if (keys === 'done') {
      this.#keyList = undefined
      this.#unread = new Set(this.#following.nodes())
      for (const node of this.#unread) this.#turns.heardNews(node)
      this.#drive()
      return undefined
    }
    if (keyList.round > round) {
      this.#listAgainMs = this.#clock.monotonicMs() + HELD_MS
      // Tell the changes of these after the list: otherwise the list could tell an older state of a key last.
      this.#following.holdBack(keyList.partitions)
    }
    return keys.length === 0 ? undefined : { type: 'changes', keys, position: 'everything' }
  }

  /** Chooses the feeds, and asks for whatever is due. */
  #drive(): void {
    if (this.#end !== undefined) return
    const { keeper, self } = this.#parts
    if (!keeper.isMember(self)) return this.stop(`${self} is no longer a member`)
    if (keeper.bucket(this.#bucket.name) === undefined) return this.stop('the bucket is gone')
    this.#sampleDue()
    if (this.#isLost || this.#keyList !== undefined) this.#wake?.()
    if (this.#isLost || this.#keyList?.round === 0) return
    this.#following.keepMarksOf(keeper.topology.members.map(({ id }) => id))
    const owners = {
      of: (partition: number) => this.#ownersOf(partition),
      isOut: (node: string) => this.#isOut(node),
    }
    const nodes = [...this.#following.nodes()]
    // Before the list is complete, the watch knows no place in another log at which it could continue.
    const isStuck = this.#isBeginning && nodes.some((node) => this.#silent.isOut(node))
    if (isStuck || this.#following.place(owners) === 'lost') {
      this.#isLost = true
      this.#pages = []
      this.#wake?.()
      return
    }
    for (const node of this.#following.nodes()) {
      if (this.#isDue(node, false)) void this.#read(node, false)
      if (this.#keyList === undefined && this.#isDue(node, true)) void this.#read(node, true)
    }
  }

  #isDue(node: string, isHeld: boolean): boolean {
    return this.#turns.isDue(node, isHeld, this.#silent.has(node))
  }

  async #read(node: string, isHeld: boolean): Promise<void> {
    const following = this.#following
    const ask = following.next(node, isHeld)
    if (ask === undefined) return
    this.#turns.begin(node, isHeld)
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
    const isClosed = (): boolean => this.#end !== undefined
    const told = answer && (await this.#parts.changedKeys.of(this.#bucket, answer, isClosed))
    if (this.#end !== undefined) return
    this.#heard.add(node)
    if (answer === undefined) this.#silent.wasSilent(node)
    else this.#silent.answered(node)
    if (following === this.#following) {
      if (answer === undefined || told === undefined) this.#turns.end(node, isHeld)
      else this.#take({ node, ask, answer, ...told })
    }
    this.#wake?.()
    this.#drive()
  }

  #take(page: ReadPage): void {
    const { node, ask, answer, keys } = page
    const isWhole = answer.life === ask.life && answer.gone.length === 0
    if (isWhole) this.#unread?.delete(node)
    if (isWhole && keys.length > 0) {
      this.#pages.push(page)
      return
    }
    this.#turns.end(node, ask.isHeld)
    if (isWhole) {
      this.#took(page)
      return
    }
    if (answer.life !== ask.life) this.#following.learnLife(node, answer.life)
    else this.#following.gone(ask, answer.gone)
    // The data partitions continue at other places, and no node has answered about those yet.
    this.#heard.clear()
    for (const { id } of this.#parts.keeper.topology.members) this.#turns.heardNews(id)
  }

  /** Samples all logs now and then: the watch may have to continue in any of them. It also keeps them recording. */
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
    this.#silent.answered(node)
    if (following === this.#following) following.sampled(sample)
  }

  /** Begins at the ends of all logs. If no log tells of some data partitions, changes nothing and returns those. */
  async #beginAnew(from: 'now' | 'everything'): Promise<readonly number[]> {
    const { reader, nearest } = this.#parts
    const asked = nearest().map((node) => reader.sample(node, this.#bucket.name))
    const samples = (await Promise.all(asked)).filter((sample): sample is Sample => !!sample)
    const first = firstPosition(samples, PARTITIONS, (partition) => this.#ownersOf(partition))
    if ('hidden' in first) return first.hidden
    // The list has the keys of one owner. Another owner may hold writes that it lacks, so there are no marks yet.
    const marks = from === 'everything' ? [] : first.marks
    this.#following = new Following({ ...first, marks }, PARTITIONS)
    if (from === 'everything') {
      for (const sample of samples) this.#following.sampled(sample)
      this.#keyList = new KeyList(this.#keyListParts(), this.#bucket, this.#prefix, first.feeds)
    }
    this.#unread = undefined
    this.#isLost = false
    this.#pages = []
    this.#turns.clear()
    this.#silent.clear()
    return []
  }

  #keyListParts(): KeyListParts {
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
    if (this.#silent.has(node)) return this.#silent.isOut(node)
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
