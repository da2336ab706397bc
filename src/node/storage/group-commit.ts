/**
 * Group commit: all operations that arrive during one fsync go into the next batch. So one fsync serves many writes.
 *
 * Batches run one after the other, in the order of their operations. A callback without an error means that the
 * operations are as durable as requested. If a batch has several operations on one key, only the last one is written,
 * because no reader could have seen the others.
 *
 * Invariant: if a batch fails, the operations queued behind it fail too. They assume what the failed batch would have
 * stored: for instance, the first write of a key stores its index entries, and an overwrite does not.
 */
import { assert } from '../../core/assert.ts'
import type { Clock } from '../../ports/clock.ts'
import { type Disk, DiskError, type DiskOperation } from '../../ports/disk.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timers } from '../../ports/timers.ts'

/** The largest batch, so that a small write does not wait long for the large writes of others. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024
/** While more bytes than this wait for the disk, the node refuses client writes. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024
/** The cost of an operation apart from its value: its key and bookkeeping. */
const OPERATION_BYTES = 128

export type Durability = 'sync' | 'os'
export type CommitDone = (error: DiskError | undefined) => void

interface PendingCommit {
  /** These operations go into the same batch. */
  readonly operations: readonly DiskOperation[]
  readonly sync: boolean
  readonly bytes: number
  readonly done: CommitDone
}

export class GroupCommit {
  readonly #disk: Disk
  readonly #timers: Timers
  readonly #clock: Clock
  readonly #metrics: Metrics
  #queue: PendingCommit[] = []
  #queuedBytes = 0
  #running = false
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(ports: { disk: Disk; timers: Timers; clock: Clock; metrics: Metrics }) {
    this.#disk = ports.disk
    this.#timers = ports.timers
    this.#clock = ports.clock
    this.#metrics = ports.metrics
  }

  /** Whether the node should refuse client writes until the disk has caught up. */
  get overloaded(): boolean {
    return this.#queuedBytes > QUEUE_BYTES_MAX
  }

  add(operations: readonly DiskOperation[], durability: Durability, done: CommitDone): void {
    let bytes = 0
    for (const operation of operations) {
      bytes += OPERATION_BYTES + (operation.type === 'put' ? operation.value.length : 0)
    }
    this.#queue.push({ operations, sync: durability === 'sync', bytes, done })
    this.#queuedBytes += bytes
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    // Wait for the end of the turn, so that operations which arrive together share a batch.
    this.#timers.soon(() => {
      this.#scheduled = false
      if (!this.#running) this.#drain()
    })
  }

  /** Like `add`, but returns a promise. Rejects with a `DiskError`. */
  store(operations: readonly DiskOperation[], durability: Durability): Promise<void> {
    return new Promise((resolve, reject) => {
      this.add(operations, durability, (error) => (error ? reject(error) : resolve()))
    })
  }

  /** Resolves once nothing is queued or running. */
  whenIdle(): Promise<void> {
    if (!this.#running && this.#queue.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Commits one batch after the other, until nothing is queued. */
  #drain(): void {
    this.#running = this.#queue.length > 0
    if (this.#running) this.#commit(this.#takeBatch())
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  #takeBatch(): PendingCommit[] {
    let bytes = 0
    let count = 0
    for (const pending of this.#queue) {
      if (count > 0 && bytes + pending.bytes > BATCH_BYTES_MAX) break
      bytes += pending.bytes
      count++
    }
    this.#queuedBytes -= bytes
    assert(this.#queuedBytes >= 0, 'no operation leaves the queue twice')
    if (count < this.#queue.length) return this.#queue.splice(0, count)
    const all = this.#queue
    this.#queue = []
    return all
  }

  #commit(batch: readonly PendingCommit[]): void {
    const operations = new Map<string, DiskOperation>()
    let sync = false
    for (const pending of batch) {
      for (const operation of pending.operations) {
        // Delete the key first, so that the batch is in the order of the last operation on each key.
        operations.delete(operation.key)
        operations.set(operation.key, operation)
      }
      sync ||= pending.sync
    }
    const startMs = this.#clock.monotonicMs()
    const ended = (failure: DiskError | undefined): void => {
      this.#measure(operations.size, startMs)
      if (failure !== undefined) this.#fail(batch, failure)
      else for (const pending of batch) pending.done(undefined)
      this.#drain()
    }
    // A batch makes no promise but the disk's: small batches are frequent.
    this.#disk.write([...operations.values()], { sync }).then(() => ended(undefined), ended)
  }

  #measure(operations: number, startMs: number): void {
    this.#metrics.count('storage_commits_total')
    this.#metrics.count('storage_commit_operations_total', undefined, operations)
    this.#metrics.seconds(
      'storage_commit_duration_seconds',
      (this.#clock.monotonicMs() - startMs) / 1000,
    )
  }

  #fail(batch: readonly PendingCommit[], failure: DiskError): void {
    const behind = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const pending of batch) pending.done(failure)
    const untouched = new DiskError(failure.code, 'none', failure.message, { cause: failure })
    for (const pending of behind) pending.done(untouched)
  }
}
