/**
 * Drops what this node keeps no more: records of data partitions that have other owners now and have been released
 * (release.ts), and, where it leaves the cluster, everything. Nothing is dropped by a guess: only what the durable
 * topology gives to others, looked at again before each page.
 */
import { reportDone, waitingFor } from '../../core/placement/change-steps.ts'
import { isHolder, isKeeper } from '../../core/placement/preference-list.ts'
import { PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import type { HintStore } from '../hints/hint-store.ts'
import { type DropParts, dropRecords } from '../storage/partition-drop.ts'
import { readPage } from '../storage/record-page.ts'
import type { NodeMove } from '../service/service.ts'
import { ALL_HINTS, ALL_PROMISES, ALL_RECORDS, ALL_REMAINS } from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

const RETRY_INTERVAL_MS = 500
const PAGE = 256

export interface SweepParts extends DropParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly hints: HintStore
  /** Whether no write is under way of which a hint may be left here. */
  readonly isQuiet: () => boolean
  /** Proposes the next document. */
  readonly propose: (step: (current: Topology) => Topology | undefined) => Promise<unknown>
}

export class Sweep {
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: SweepParts
  #isRunning = false
  #isStopped = false
  /** Data partitions looked through in the present run. */
  #swept = 0
  /** The document that was last acted on to the end. */
  #sweptEpoch = 0

  constructor(ports: { timers: Timers; log: Log }, parts: SweepParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  stop(): void {
    this.#isStopped = true
  }

  /** The node has started, or the topology has changed. */
  look(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#run()
  }

  /** Of the member that leaves. */
  progress(): NodeMove | undefined {
    const { self, hints } = this.#parts
    if (!this.#isLeaving()) return undefined
    const pending = [...hints.owners().values()].reduce((sum, { sizes }) => sum + sizes.size, 0)
    return {
      node: self,
      state: 'emptying',
      partitions: PARTITION_COUNT,
      partitionsDone: this.#swept,
      keys: 0,
      bytes: 0,
      secondsLeft: null,
      waitsFor: pending > 0 ? `the owners of ${pending} hints` : '',
    }
  }

  async #run(): Promise<void> {
    const { keeper } = this.#parts
    while (!this.#isStopped && this.#sweptEpoch !== keeper.epoch) {
      const { epoch } = keeper
      try {
        if (!keeper.isDurable()) throw new Error('the topology is being stored')
        await this.#sweep()
        if (this.#isLeaving() || !this.#isMember()) await this.#empty()
        if (this.#isLeaving()) await this.#report()
        else if (epoch === keeper.epoch) this.#sweptEpoch = epoch
      } catch (error) {
        this.#log.debug({ error: String(error) }, 'what is kept no more is swept later')
      }
      if (this.#sweptEpoch !== keeper.epoch) await this.#pause()
    }
    this.#isRunning = false
  }

  async #sweep(): Promise<void> {
    for (let partition = 0; partition < PARTITION_COUNT && !this.#isStopped; partition++) {
      // Mostly all of it is kept, and a node may hold very much: it is not read for nothing.
      if (!this.#keepsAll(partition)) {
        await dropRecords(this.#parts, partition, (bucket) => !this.#keeps(bucket, partition))
      }
      this.#swept = partition + 1
    }
  }

  #keepsAll(partition: number): boolean {
    return this.#parts.keeper.topology.buckets.every(({ name }) => this.#keeps(name, partition))
  }

  #keeps(name: string, partition: number): boolean {
    const { self, keeper } = this.#parts
    const bucket = keeper.bucket(name)
    // Of a bucket that is not known here nothing is known.
    if (bucket === undefined || !keeper.isDurable()) return true
    const { topology } = keeper
    return (
      isKeeper(topology, bucket.n, partition, self) || isHolder(topology, bucket.n, partition, self)
    )
  }

  /** Nothing is left of what this node was a member for. Rejects while hints have not been handed over. */
  async #empty(): Promise<void> {
    const { disk, commits } = this.#parts
    if (this.#isMember()) {
      const isQuiet = this.#parts.isQuiet()
      const [hint] = await disk.range(...ALL_HINTS, 1)
      if (!isQuiet || hint !== undefined) throw new Error('there are hints to be delivered')
    }
    for (const [from, to] of [ALL_HINTS, ALL_PROMISES, ALL_REMAINS]) {
      for (;;) {
        const { entries } = await readPage(disk, from, to, PAGE)
        if (entries.length === 0) break
        await commits.store(
          entries.map(([key]) => ({ type: 'delete', key })),
          'sync',
        )
      }
    }
    const [left] = await disk.range(...ALL_RECORDS, 1)
    if (left !== undefined) throw new Error('a record came back')
  }

  async #report(): Promise<void> {
    const { self, keeper, propose } = this.#parts
    const changeId = keeper.topology.change?.id ?? 0
    if (!waitingFor(keeper.topology).includes(self)) return
    this.#log.info({}, 'this node holds nothing any more, and leaves')
    await propose((current) => reportDone(current, changeId, 'emptying', self))
  }

  #isLeaving(): boolean {
    return this.#parts.keeper.isEmptying(this.#parts.self)
  }

  #isMember(): boolean {
    const { self, keeper } = this.#parts
    return keeper.isMember(self)
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(RETRY_INTERVAL_MS, resolve))
  }
}
