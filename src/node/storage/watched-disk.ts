/**
 * Watches how long the node's disk takes to answer. A stalled disk gives no error: its reads and writes just never end.
 * This class reports a stall as a state of health. The node then reports it, refuses writes, and forwards them to other
 * owners.
 *
 * The stalled operation itself is the probe: once it completes, the disk is healthy again.
 *
 * Invariant: the watch may refuse new operations and report a stall. It never changes the result of an operation,
 * because a stalled operation may still succeed.
 */
import type { Clock } from '../../ports/clock.ts'
import {
  type Disk,
  DiskError,
  type DiskHealth,
  type DiskOperation,
  type DiskSnapshot,
} from '../../ports/disk.ts'
import type { Timer, Timers } from '../../ports/timers.ts'

const LOOK_INTERVAL_MS = 500
/**
 * An operation is stalled if it is still in progress after this many looks, which take 3 s. A healthy disk answers
 * sooner, and the node becomes unready within 5 s. The watch counts looks instead of time,
 * because after a pause of the process every operation seems old, even if its answer has already arrived.
 */
const STALLED_LOOKS = 6

interface Operation {
  readonly sinceMs: number
  looks: number
}

/** The operations in progress, oldest first. */
type UnderWay = Set<Operation>

export class WatchedDisk implements Disk {
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #reads: UnderWay = new Set()
  readonly #writes: UnderWay = new Set()
  readonly #listeners: ((health: DiskHealth) => void)[] = []
  /** The state that was last reported to the listeners. */
  #reported: DiskHealth['state'] = 'ok'

  constructor({ disk, clock, timers }: { disk: Disk; clock: Clock; timers: Timers }) {
    this.#disk = disk
    this.#clock = clock
    disk.onHealth(() => this.#report())
    this.#timer = timers.every(LOOK_INTERVAL_MS, () => this.#look())
  }

  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read(() => this.#disk.getMany(keys))
  }

  range(
    from: string,
    to: string,
    limit: number,
    bytesMax?: number,
  ): Promise<[key: string, value: Uint8Array][]> {
    return this.#read(() => this.#disk.range(from, to, limit, bytesMax))
  }

  write(operations: readonly DiskOperation[], options: { readonly sync: boolean }): Promise<void> {
    return this.#watch(this.#writes, () => this.#disk.write(operations, options))
  }

  snapshot(): DiskSnapshot {
    const snapshot = this.#disk.snapshot()
    return {
      getMany: (keys) => this.#read(() => snapshot.getMany(keys)),
      range: (...range) => this.#read(() => snapshot.range(...range)),
      close: () => snapshot.close(),
    }
  }

  health(): DiskHealth {
    const health = this.#disk.health()
    const stalled = stalledIn(this.#writes) ?? stalledIn(this.#reads)
    if (health.state !== 'ok' || stalled === undefined) return health
    return { ...health, state: 'stalled', reason: this.#reason(stalled) }
  }

  onHealth(listener: (health: DiskHealth) => void): void {
    this.#listeners.push(listener)
  }

  close(): Promise<void> {
    this.#timer.cancel()
    return this.#disk.close()
  }

  /** Refuses a read while another read is stalled, because reads would only pile up. */
  #read<T>(read: () => Promise<T>): Promise<T> {
    const stalled = stalledIn(this.#reads)
    if (stalled === undefined) return this.#watch(this.#reads, read)
    return Promise.reject(new DiskError('disk_failed', 'none', this.#reason(stalled)))
  }

  async #watch<T>(underWay: UnderWay, run: () => Promise<T>): Promise<T> {
    const operation: Operation = { sinceMs: this.#clock.monotonicMs(), looks: 0 }
    underWay.add(operation)
    try {
      return await run()
    } finally {
      underWay.delete(operation)
      if (this.#reported === 'stalled') this.#report()
    }
  }

  #reason({ sinceMs }: Operation): string {
    const seconds = Math.floor((this.#clock.monotonicMs() - sinceMs) / 1000)
    return `the disk has not answered for ${seconds} s`
  }

  #look(): void {
    for (const operation of this.#reads) operation.looks++
    for (const operation of this.#writes) operation.looks++
    this.#report()
  }

  #report(): void {
    const health = this.health()
    if (health.state === this.#reported) return
    this.#reported = health.state
    for (const listener of this.#listeners) listener(health)
  }
}

function stalledIn(underWay: UnderWay): Operation | undefined {
  for (const oldest of underWay) return oldest.looks < STALLED_LOOKS ? undefined : oldest
  return undefined
}
