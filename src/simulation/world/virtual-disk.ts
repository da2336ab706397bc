/**
 * The storage of a simulated machine: its durable state, the batches that are not synced yet, and its failures. A
 * `Platter` outlives processes. A `VirtualDisk` is the access of one process to it.
 *
 * A crash of the machine keeps the durable state and a prefix of the later batches, each of them complete. A crash of
 * the process keeps every applied batch.
 */
import { assert } from '../../core/assert.ts'
import { compareKeys } from '../../core/placement/key-order.ts'
import { unframe } from '../../node/storage/record-frame.ts'
import {
  type Disk,
  DiskError,
  type DiskHealth,
  type DiskOperation,
  type DiskSnapshot,
} from '../../ports/disk.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { Host } from './host.ts'
import { type Frozen, lowerBound, rangeIn, upTo } from './sorted-entries.ts'

const READ_US = [20, 200] as const
const WRITE_US = [20, 80] as const
const SYNC_US = [200, 2000] as const

/** The state that moves with a directory to another machine. */
interface Directory {
  readonly current: Map<string, Uint8Array>
  readonly durable: Map<string, Uint8Array>
  readonly unsynced: (readonly DiskOperation[])[]
  readonly isLossy: boolean
  readonly isDoomed: boolean
}

export class Platter {
  readonly #random: SeededRandom
  #current = new Map<string, Uint8Array>()
  #durable = new Map<string, Uint8Array>()
  /** The batches applied since the last sync, the oldest first. */
  #unsynced: (readonly DiskOperation[])[] = []
  /** The batches that are being written. A crash may apply them or not. */
  readonly #underWay: (readonly DiskOperation[])[] = []
  /** The keys of `#current` in order; undefined until they are needed. */
  #sorted: string[] | undefined = []
  /** The factor by which every operation is slower. */
  slowness = 1
  /** While true, writes are refused as on a full disk. */
  isFull = false
  /** The answers that a stalled disk holds back; undefined while it is not stalled. */
  #unanswered: (() => void)[] | undefined
  /** The percentage of reads and writes that end with an I/O error. */
  failPercent = 0
  /** Whether some durable writes are missing. The next process is told so. */
  isLossy = false
  /** Whether the next process gives this directory up, because its own state is damaged. */
  isDoomed = false

  constructor(random: SeededRandom) {
    this.#random = random
  }

  get isStalled(): boolean {
    return this.#unanswered !== undefined
  }

  /** From now on the disk answers nothing and fails nothing, until `answerAgain`. */
  stall(): void {
    this.#unanswered ??= []
  }

  answerAgain(): void {
    const waiting = this.#unanswered ?? []
    this.#unanswered = undefined
    for (const answer of waiting) answer()
  }

  /** Ends an operation at once, or when the disk answers again. */
  answer(end: () => void): void {
    if (this.#unanswered === undefined) end()
    else this.#unanswered.push(end)
  }

  /** The bytes on the disk. */
  raw(key: string): Uint8Array | undefined {
    return this.#current.get(key)
  }

  /** The value that a node stored, without its frame; the raw bytes if there is no frame or it is damaged. */
  get(key: string): Uint8Array | undefined {
    const bytes = this.raw(key)
    return bytes && (unframe(key, bytes) ?? bytes)
  }

  /** All keys, in order. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#current.keys()].sort(compareKeys)
    return this.#sorted
  }

  range(from: string, to: string, limit: number): [string, Uint8Array][] {
    return rangeIn({ keys: this.keys(), values: this.#current }, from, to, limit)
  }

  /** The directory as it is now. */
  frozen(): Frozen {
    return { keys: [...this.keys()], values: new Map(this.#current) }
  }

  begin(batch: readonly DiskOperation[]): void {
    this.#underWay.push(batch)
  }

  /** Ends a batch. If it is applied, `sync` makes it and every earlier batch durable. */
  finish(batch: readonly DiskOperation[], sync: boolean, isApplied: boolean): void {
    const index = this.#underWay.indexOf(batch)
    assert(index >= 0, 'a batch is begun before it is finished')
    this.#underWay.splice(index, 1)
    if (!isApplied) return
    this.#apply(batch)
    if (sync) this.#sync()
  }

  /** The process has died: what it had under way may have reached the disk, in order. */
  endProcess(): void {
    for (const batch of this.#underWay.splice(0)) {
      if (this.#random.chance(50)) return void this.#underWay.splice(0)
      this.#apply(batch)
    }
  }

  /** The machine has died: a part of what was not synced is lost. */
  endMachine(): void {
    this.endProcess()
    const kept = this.#random.below(this.#unsynced.length + 1)
    const survivors = this.#unsynced.slice(0, kept)
    this.#current = new Map(this.#durable)
    this.#sorted = undefined
    this.#unsynced = []
    for (const batch of survivors) this.#apply(batch)
    this.#sync()
  }

  /** Replaces the directory by a new, empty one. */
  wipe(): void {
    this.#current = new Map()
    this.#durable = new Map()
    this.#unsynced = []
    this.#sorted = []
    this.isDoomed = false
  }

  /** Sets a damaged directory aside. The next process starts with an empty one, and is told so. */
  replace(): void {
    this.wipe()
    this.isLossy = true
  }

  /** A backup of the directory. */
  copy(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#current)
  }

  restore(backup: ReadonlyMap<string, Uint8Array>): void {
    this.#current = new Map(backup)
    this.#durable = new Map(backup)
    this.#unsynced = []
    this.#sorted = undefined
    this.isDoomed = false
  }

  /** Exchanges the directories of two machines. No process may be using either. */
  exchange(other: Platter): void {
    assert(this.#underWay.length + other.#underWay.length === 0, 'both processes have ended')
    const [own, theirs] = [this.#directory(), other.#directory()]
    this.#put(theirs)
    other.#put(own)
  }

  #directory(): Directory {
    const { isLossy, isDoomed } = this
    const [current, durable, unsynced] = [this.#current, this.#durable, this.#unsynced]
    return { current, durable, unsynced, isLossy, isDoomed }
  }

  #put({ current, durable, unsynced, isLossy, isDoomed }: Directory): void {
    this.#current = current
    this.#durable = durable
    this.#unsynced = unsynced
    this.#sorted = undefined
    this.isLossy = isLossy
    this.isDoomed = isDoomed
  }

  /** Removes durable writes, as damage in the middle of a log does. */
  lose(isLost: (key: string) => boolean): void {
    const { isDoomed } = this
    this.restore(new Map([...this.#current].filter(([key]) => !isLost(key))))
    this.isDoomed = isDoomed
    this.isLossy = true
  }

  /** Flips one bit of one value whose key `may` allows. Returns the key, or undefined if there is none. */
  rot(may: (key: string) => boolean): string | undefined {
    const keys = this.keys().filter((key) => this.raw(key)?.length !== 0 && may(key))
    if (keys.length === 0) return undefined
    const key = keys[this.#random.below(keys.length)] as string
    const damaged = new Uint8Array(this.#current.get(key) as Uint8Array)
    const at = this.#random.below(damaged.length)
    damaged[at] = (damaged[at] as number) ^ (1 << this.#random.below(8))
    this.#current.set(key, damaged)
    this.#durable.set(key, damaged)
    return key
  }

  #apply(batch: readonly DiskOperation[]): void {
    for (const operation of batch) {
      if (operation.type === 'put') {
        if (!this.#current.has(operation.key)) this.#place(operation.key, 'in')
        this.#current.set(operation.key, operation.value)
      } else if (this.#current.delete(operation.key)) {
        this.#place(operation.key, 'out')
      }
    }
    this.#unsynced.push(batch)
  }

  /** Keeps the keys sorted, because sorting all keys after each change would be most of a disk's work. */
  #place(key: string, way: 'in' | 'out'): void {
    if (this.#sorted === undefined) return
    const index = lowerBound(this.#sorted, key)
    if (way === 'in') this.#sorted.splice(index, 0, key)
    else this.#sorted.splice(index, 1)
  }

  #sync(): void {
    for (const batch of this.#unsynced) {
      for (const operation of batch) {
        if (operation.type === 'put') this.#durable.set(operation.key, operation.value)
        else this.#durable.delete(operation.key)
      }
    }
    this.#unsynced = []
  }
}

export class VirtualDisk implements Disk {
  readonly #platter: Platter
  readonly #host: Host
  readonly #random: SeededRandom
  readonly #listeners: ((health: DiskHealth) => void)[] = []
  #shown: DiskHealth['state'] = 'ok'
  #failedUntilUs = 0
  #isClosed = false
  /** A disk that recovers from a failed write loses its snapshots. */
  #recoveries = 0
  /** The end time of the last write. Writes end in the order in which they began. */
  #writtenUntilUs = 0
  #underWay = 0
  #idle: (() => void)[] = []

  constructor(platter: Platter, host: Host, random: SeededRandom) {
    this.#platter = platter
    this.#host = host
    this.#random = random
  }

  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read(() => keys.map((key) => this.#platter.raw(key)))
  }

  range(
    from: string,
    to: string,
    limit: number,
    bytesMax = Infinity,
  ): Promise<[string, Uint8Array][]> {
    return this.#read(() => upTo(this.#platter.range(from, to, limit), bytesMax))
  }

  snapshot(): DiskSnapshot {
    if (this.#isClosed) throw closed()
    const frozen = this.#platter.frozen()
    const recoveries = this.#recoveries
    let isOpen = true
    const read = <T>(look: () => T): Promise<T> =>
      isOpen && recoveries === this.#recoveries ? this.#read(look) : Promise.reject(closed())
    return {
      getMany: (keys) => read(() => keys.map((key) => frozen.values.get(key))),
      range: (from, to, limit, bytesMax = Infinity) =>
        read(() => upTo(rangeIn(frozen, from, to, limit), bytesMax)),
      close: () => {
        isOpen = false
        return Promise.resolve()
      },
    }
  }

  write(operations: readonly DiskOperation[], { sync }: { readonly sync: boolean }): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed())
    if (this.#platter.isFull) {
      this.#show()
      return Promise.reject(new DiskError('disk_full', 'none', 'no space left'))
    }
    this.#platter.begin(operations)
    const { schedule } = this.#host
    const endUs =
      Math.max(schedule.nowUs, this.#writtenUntilUs) + this.#delayUs(sync ? SYNC_US : WRITE_US)
    this.#writtenUntilUs = endUs
    const fails = this.#random.chance(this.#platter.failPercent)
    const isApplied = !fails || this.#random.chance(50)
    return this.#end(endUs - schedule.nowUs, () => {
      this.#platter.finish(operations, sync, isApplied)
      if (!fails) return
      this.#recoveries++
      this.#failedUntilUs = schedule.nowUs + 200_000
      this.#show()
      schedule.after(
        200_000,
        this.#host.task(() => this.#show()),
      )
      throw new DiskError('disk_failed', 'unknown', 'input/output error')
    })
  }

  health(): DiskHealth {
    if (this.#platter.isFull) return { state: 'full', reason: 'no space left', freeBytes: 0 }
    if (this.#host.schedule.nowUs < this.#failedUntilUs) {
      return { state: 'failed', reason: 'input/output error', freeBytes: undefined }
    }
    return { state: 'ok', reason: '', freeBytes: undefined }
  }

  onHealth(listener: (health: DiskHealth) => void): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #read<T>(look: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed())
    const { failPercent } = this.#platter
    const fails = failPercent > 0 && this.#random.chance(failPercent)
    return this.#end(this.#delayUs(READ_US), () => {
      if (fails) throw new DiskError('disk_failed', 'none', 'input/output error')
      return look()
    })
  }

  #end<T>(delayUs: number, work: () => T): Promise<T> {
    this.#underWay++
    return new Promise((resolve, reject) => {
      const done = this.#host.task(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
        if (--this.#underWay === 0) for (const wake of this.#idle.splice(0)) wake()
      })
      this.#host.schedule.after(delayUs, () => this.#platter.answer(done))
    })
  }

  #delayUs([least, most]: readonly [number, number]): number {
    return (least + this.#random.below(most - least)) * this.#platter.slowness
  }

  #show(): void {
    const health = this.health()
    if (health.state === this.#shown) return
    this.#shown = health.state
    for (const listener of this.#listeners) listener(health)
  }
}

function closed(): DiskError {
  return new DiskError('disk_closed', 'none', 'the disk is closed')
}
