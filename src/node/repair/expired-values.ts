/**
 * Takes the bytes from values that have expired (core/causality/expired-value.ts), here and in the hints for others. In
 * a healthy cluster there is nothing to do: the collector forgets the whole record before. It matters while a member is
 * away: then nothing is forgotten, and without this the disks would fill with values that are never served again.
 *
 * An expired value is found by its grave (data-index.ts) soon after its time, or by the scrub, where it lies beside
 * values that stay or a restart has come in between.
 *
 * Invariant: a value is shrunk only once a majority of the members has passed its expiry by more than any two clocks
 * may differ, by their own clocks, so that one wrong clock destroys nothing; and only while no member may speak a
 * version that would take the value for the newer of the two.
 */
import { hasValuesToShrink, shrinkExpired } from '../../core/causality/expired-value.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { compareKeys } from '../../core/placement/key-order.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { HintStore } from '../hints/hint-store.ts'
import { decodeRecord, encodeCopy } from '../wire/object-record.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { decodeHead } from '../storage/record-head.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import {
  ALL_HINTS,
  type DataName,
  dataKey,
  graveRange,
  listKey,
  parseGraveKey,
  parseHintKey,
} from '../storage/storage-keys.ts'

/** Longer than the horizon takes in a healthy cluster, and than clocks that are believed may differ. */
const SHRINK_AFTER_MS = 30_000
const PASS_INTERVAL_MS = 1000
const GRAVES_PER_PASS = 512
const HINTS_PER_PASS = 256
/** Values that are in memory at once, each as large as a value may be. */
const AT_ONCE = 8
/** Keys that the scrub has found and that wait for the next pass; more are found again in its next round. */
const FOUND_MAX = 1000

export interface ExpiredValuesParts {
  readonly table: ObjectTable
  readonly hints: HintStore
  /** The time that a majority of the members has reached by their own clocks. */
  readonly majorityMs: () => number
  /** Whether a member may speak a version that knows nothing of shrunk values. */
  readonly mayBeOld: () => boolean
}

export class ExpiredValues {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: ExpiredValuesParts
  readonly #found = new Set<string>()
  /** The graves before it have been looked at, and the hints. */
  #nextGrave = ''
  #nextHint = ALL_HINTS[0]
  #timer: Timer | undefined
  #isRunning = false

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers; log: Log; metrics: Metrics },
    parts: ExpiredValuesParts,
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
  }

  start(): void {
    this.#timer = this.#timers.every(PASS_INTERVAL_MS, () => this.#wake())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The scrub has read a record. */
  look(storageKey: string, object: StoredObject): void {
    if (this.#found.size < FOUND_MAX && hasValuesToShrink(object, this.#untilMs())) {
      this.#found.add(storageKey)
    }
  }

  #wake(): void {
    const isIdle = this.#timer !== undefined && !this.#isRunning
    if (!isIdle || this.#parts.mayBeOld() || this.#disk.health().state !== 'ok') return
    this.#isRunning = true
    this.#pass()
      .catch((error: unknown) => {
        this.#log.warn({ error: String(error) }, 'expired values could not be shrunk')
      })
      .finally(() => {
        this.#isRunning = false
      })
  }

  async #pass(): Promise<void> {
    const found = [...this.#found]
    this.#found.clear()
    await this.#shrinkAll([...found, ...(await this.#expiredGraves())])
    await this.#shrinkHints()
  }

  /** Storage keys of records behind the next graves that have something to shrink. */
  async #expiredGraves(): Promise<string[]> {
    const [begin, end] = graveRange(this.#untilMs())
    const from = this.#nextGrave === '' ? begin : this.#nextGrave
    if (compareKeys(from, end) >= 0) return []
    const graves = await this.#disk.range(from, end, GRAVES_PER_PASS)
    const names = graves.map(([grave]) => parseGraveKey(grave))
    const places = await this.#disk.getMany(names.map(({ name }) => listKey(name)))
    const isSmall = names.filter((_, i) => places[i]?.length === 0)
    const records = await this.#disk.getMany(isSmall.map(storageKeyOf))
    const recordOf = new Map(isSmall.map((at, i) => [at, records[i]]))
    const last = graves.at(-1)
    if (last !== undefined) this.#nextGrave = keyAfter(last[0])
    return names
      .filter((at, i) => {
        const [place, record] = [places[i], recordOf.get(at)]
        if (record !== undefined) return this.#isExpired(() => decodeRecord(this.#codec, record))
        return place !== undefined && place.length > 0 && this.#isExpired(() => this.#headIn(place))
      })
      .map(storageKeyOf)
  }

  /** Where it is damaged, the scrub finds it, and the value with it. */
  #isExpired(decode: () => StoredObject): boolean {
    try {
      return hasValuesToShrink(decode(), this.#untilMs())
    } catch {
      return false
    }
  }

  #headIn(place: Uint8Array): StoredObject {
    const [vector, siblings] = this.#codec.decode(place) as unknown[]
    return decodeHead(vector, siblings).object
  }

  async #shrinkAll(storageKeys: readonly string[]): Promise<void> {
    for (let i = 0; i < storageKeys.length && this.#timer !== undefined; i += AT_ONCE) {
      await Promise.all(storageKeys.slice(i, i + AT_ONCE).map((key) => this.#shrink(key)))
    }
  }

  #shrink(storageKey: string): Promise<void> {
    const { table } = this.#parts
    return new Promise((resolve) => {
      table.find(storageKey, (entry) => {
        const object = entry && shrinkExpired(entry.durable.object, this.#untilMs())
        // Damaged, or being written: it is found again.
        const isLeft = entry === undefined || entry.pending > 0 || entry.isLost
        if (isLeft || object === undefined || object === entry.durable.object) {
          resolve()
          return
        }
        // Not synced: one that is whole again after a crash is shrunk again.
        table.replace(entry, encodeCopy(this.#codec, object), 'os', (failure) => {
          if (failure === undefined) this.#metrics.count('expired_values_shrunk_total')
          resolve()
        })
      })
    })
  }

  async #shrinkHints(): Promise<void> {
    const { hints } = this.#parts
    const { entries, next } = await readPage(
      this.#disk,
      this.#nextHint,
      ALL_HINTS[1],
      HINTS_PER_PASS,
    )
    this.#nextHint = next ?? ALL_HINTS[0]
    for (const [storageKey, record] of entries) {
      const owner = parseHintKey(storageKey)?.owner
      const isExpired = this.#isExpired(() => decodeRecord(this.#codec, record))
      if (isExpired && owner !== undefined) {
        await hints.shrink(owner, storageKey, this.#untilMs())
      }
    }
  }

  #untilMs(): number {
    return Math.floor(this.#parts.majorityMs()) - SHRINK_AFTER_MS
  }
}

function storageKeyOf({ partition, bucket, key }: DataName): string {
  return dataKey(partition, bucket, key)
}
