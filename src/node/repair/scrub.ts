/**
 * Reads every record again and again, so that damage is found while other owners still have the value. A damaged record
 * is reported, and repaired by a quorum read.
 */
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import { decodeRecord } from '../wire/object-record.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { readPage } from '../storage/record-page.ts'
import { ALL_RECORDS, type DataName, parseDataKey } from '../storage/storage-keys.ts'

/** Records read at a time, and the interval between pages: a million records take about half an hour. */
const PAGE = 64
const PAGE_INTERVAL_MS = 125
/** The pause after the last record, so that a small store is not read more often than this. */
const ROUND_INTERVAL_MS = 10_000
/** Bound of the damaged records that wait for repair. Others are found again in the next round. */
const REPAIRS_MAX = 1000

export class Scrub {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #table: ObjectTable
  readonly #repair: (bucket: string, key: string) => Promise<void>
  readonly #look: (storageKey: string, object: StoredObject) => void
  readonly #repairing = new Set<string>()
  #cursor = ALL_RECORDS[0]
  #timer: Timer | undefined

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers; log: Log; metrics: Metrics },
    parts: {
      table: ObjectTable
      /** Reads the key at quorum, which brings this node's copy up to date. */
      repair: (bucket: string, key: string) => Promise<void>
      /** Called for each intact record. */
      look: (storageKey: string, object: StoredObject) => void
    },
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#table = parts.table
    this.#repair = parts.repair
    this.#look = parts.look
  }

  start(): void {
    this.#timer = this.#timers.after(PAGE_INTERVAL_MS, () => void this.#page())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Repairs a record that is known to be damaged. */
  found(storageKey: string): void {
    const at = parseDataKey(storageKey)
    if (at === undefined || this.#repairing.has(storageKey)) return
    if (this.#repairing.size >= REPAIRS_MAX) return
    this.#repairing.add(storageKey)
    this.#metrics.count('corrupt_records_total')
    this.#log.error(
      { bucket: at.bucket, partition: at.partition },
      'a damaged record was found on the disk',
    )
    this.#mend(storageKey, at)
  }

  #mend(storageKey: string, at: DataName): void {
    // The cached copy may be intact, but the repair has to see what the disk holds.
    this.#table.forget(storageKey)
    this.#repair(at.bucket, at.key)
      .catch((error: unknown) => {
        this.#log.warn(
          { bucket: at.bucket, error: String(error) },
          'a damaged record could not be repaired yet',
        )
      })
      .finally(() => this.#repairing.delete(storageKey))
  }

  async #page(): Promise<void> {
    let isLast = true
    try {
      const page = await readPage(this.#disk, this.#cursor, ALL_RECORDS[1], PAGE)
      for (const [storageKey, record] of page.entries) {
        try {
          this.#look(storageKey, decodeRecord(this.#codec, record))
        } catch {
          this.found(storageKey)
        }
      }
      isLast = page.next === undefined
      this.#cursor = page.next ?? ALL_RECORDS[0]
    } catch {
      // The disk is failing. It reports that itself.
    }
    if (this.#timer === undefined) return
    const delayMs = isLast ? ROUND_INTERVAL_MS : PAGE_INTERVAL_MS
    this.#timer = this.#timers.after(delayMs, () => void this.#page())
  }
}
