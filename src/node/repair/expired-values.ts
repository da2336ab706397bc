/**
 * Removes the bytes of expired values (core/causality/expired-value.ts), in this node's records and in its hints. In a
 * healthy cluster there is nothing to do, because the collector removes the whole record earlier. While a member is
 * away nothing is collected, and without this the disks would fill with values that are never served again.
 *
 * Soon after its time, an expired value is found by its grave (data-index.ts). The scrub finds the rest: values in a
 * record with live siblings, and values that a restart has skipped.
 *
 * Invariant: a value is shrunk only once a majority of the members has passed its expiry by their own clocks, by more
 * than any two clocks may differ. So one wrong clock destroys nothing. A value is also kept while a member may speak a
 * protocol version that would take the full value for the newer one.
 */
import { AssertionError } from '../../core/assert.ts'
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

/** Longer than the horizon lags in a healthy cluster, and longer than accepted clocks may differ. */
const SHRINK_AFTER_MS = 30_000
const PASS_INTERVAL_MS = 1000
const GRAVES_PER_PASS = 512
const HINTS_PER_PASS = 256
/** Bound of the values in memory at once; each may have the largest size allowed. */
const AT_ONCE = 8
/** Bound of the keys from the scrub that wait for the next pass. Others are found again in the scrub's next round. */
const FOUND_MAX = 1000

export interface ExpiredValuesParts {
  readonly table: ObjectTable
  readonly hints: HintStore
  /** The time that a majority of the members has reached by their own clocks. */
  readonly majorityMs: () => number
  /** Whether a member may speak a version that does not know shrunk values. */
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
  /** Earlier graves and hints have been looked at. */
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

  /** Called for each record that the scrub has read. */
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
        if (error instanceof AssertionError) throw error
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

  /** Storage keys of records behind the next graves, if they have a value to shrink. */
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

  /** A damaged record counts as not expired: the scrub repairs it and finds the value later. */
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
        // A damaged record, or one that is being written, is found again later.
        const isLeft = entry === undefined || entry.pending > 0 || entry.isLost
        if (isLeft || object === undefined || object === entry.durable.object) {
          resolve()
          return
        }
        // Not synced: if a crash undoes the shrinking, the value is shrunk again.
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
