/**
 * Drops what this node no longer keeps: records of data partitions that have other owners and have been released
 * (release.ts), and everything if it leaves the cluster. It never drops on a guess: only what the durable topology
 * gives to others, checked again before each page.
 */
import { AssertionError } from '../../core/assert.ts'
import { reportDone, waitingFor } from '../../core/placement/change-steps.ts'
import { isHolder, isKeeper } from '../../core/placement/preference-list.ts'
import { PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import type { HintStore } from '../hints/hint-store.ts'
import { type DropParts, dropRecords } from '../storage/partition-drop.ts'
import { readPage } from '../storage/record-page.ts'
import type { NodeMove } from '../service/service.ts'
import { ALL_HINTS, ALL_PROMISES, ALL_RECORDS, ALL_QUARANTINED } from '../storage/storage-keys.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

const RETRY_INTERVAL_MS = 500
const PAGE = 256

export interface SweepParts extends DropParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly hints: HintStore
  /** Whether this node has no request, write or hint under way. */
  readonly isQuiet: () => boolean
  /** Proposes the next topology document. */
  readonly propose: (step: (current: Topology) => Topology | undefined) => Promise<unknown>
}

export class Sweep {
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: SweepParts
  #isRunning = false
  #isStopped = false
  /** Data partitions looked through in this run. */
  #swept = 0
  /** The epoch for which the last run is complete. */
  #sweptEpoch = 0

  constructor(ports: { timers: Timers; log: Log }, parts: SweepParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Call after the node has started, and after each change of the topology. */
  look(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#run()
  }

  /** The progress of a leaving member. */
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
        if (error instanceof AssertionError) throw error
        this.#log.debug(
          { error: String(error) },
          'the sweep could not be finished and will be tried again',
        )
      }
      if (this.#sweptEpoch !== keeper.epoch) await this.#pause()
    }
    this.#isRunning = false
  }

  async #sweep(): Promise<void> {
    for (let partition = 0; partition < PARTITION_COUNT && !this.#isStopped; partition++) {
      // Usually everything is kept. Reading a large partition for nothing would waste the disk.
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
    if (!keeper.isDurable()) return true
    // Keep the records of a bucket that is not known here yet.
    if (bucket === undefined) return !keeper.isDeleted(name)
    const { topology } = keeper
    return (
      isKeeper(topology, bucket.n, partition, self) || isHolder(topology, bucket.n, partition, self)
    )
  }

  /** Removes everything that this node held as a member. Rejects while hints have not been handed over. */
  async #empty(): Promise<void> {
    const { disk, commits } = this.#parts
    if (this.#isMember()) {
      const isQuiet = this.#parts.isQuiet()
      const [hint] = await disk.range(...ALL_HINTS, 1)
      if (!isQuiet || hint !== undefined) throw new Error('hints are still to be delivered')
    }
    for (const [from, to] of [ALL_HINTS, ALL_PROMISES, ALL_QUARANTINED]) {
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
    this.#log.info({}, 'this node is empty and leaves the cluster')
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
