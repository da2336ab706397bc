/**
 * Removes records that hold only tombstones or expired values, once they lie below the horizon: then every owner holds
 * them and nothing older is under way. No timer decides a removal; time only decides how often the collector looks.
 */
import { AssertionError } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { timestampOf, wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { deadFromMs, forgottenFrom, isSettled } from '../../core/repair/horizon.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import { ABSENT_COPY } from '../wire/object-record.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { type DataName, dataKey, graveRange, parseGraveKey } from '../storage/storage-keys.ts'

/** Graves checked in one pass; the others wait for the next one. */
const GRAVES_PER_PASS = 2000
/** How much nodes may disagree about the moment when a value expires. */
const EXPIRY_MARGIN_MS = 1000

/** The horizon at which an owner may forget the object; undefined if it never may. */
export function forgettableFrom(object: StoredObject): Timestamp | undefined {
  return forgottenFrom(object, wallMsOf, timestampOf, EXPIRY_MARGIN_MS + 1)
}

export class Collector {
  readonly #disk: Disk
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #table: ObjectTable
  readonly #commits: GroupCommit
  readonly #horizon: () => Timestamp
  readonly #horizonOf: (partition: number) => Timestamp
  #isRunning = false
  #isStopped = false

  constructor(
    ports: { disk: Disk; log: Log; metrics: Metrics },
    parts: {
      table: ObjectTable
      commits: GroupCommit
      horizon: () => Timestamp
      /** The horizon of one data partition. It is lower if copies may still be missing there. */
      horizonOf: (partition: number) => Timestamp
    },
  ) {
    this.#disk = ports.disk
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#table = parts.table
    this.#commits = parts.commits
    this.#horizon = parts.horizon
    this.#horizonOf = parts.horizonOf
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Call when the horizon has moved. */
  wake(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    this.#collect()
      .catch((error: unknown) => {
        if (error instanceof AssertionError) throw error
        this.#log.warn({ error: String(error) }, 'tombstones could not be collected')
      })
      .finally(() => {
        this.#isRunning = false
      })
  }

  async #collect(): Promise<void> {
    const horizon = this.#horizon()
    const [from, to] = graveRange(wallMsOf(horizon) - EXPIRY_MARGIN_MS)
    const graves = await this.#disk.range(from, to, GRAVES_PER_PASS)
    for (const [grave] of graves) this.#open(grave, parseGraveKey(grave))
  }

  #open(grave: string, at: DataName): void {
    const storageKey = dataKey(at.partition, at.bucket, at.key)
    this.#table.find(storageKey, (entry) => {
      // A damaged record, or one that is being written, is found again later.
      if (entry === undefined || entry.pending > 0 || this.#isStopped) return
      const { object } = entry.durable
      const deadMs = deadFromMs(object, wallMsOf)
      if (deadMs === undefined || !grave.startsWith(graveRange(deadMs)[1])) {
        // The record has another grave or none, because a damaged record was replaced.
        this.#commits.add([{ type: 'delete', key: grave }], 'os', () => undefined)
        return
      }
      if (!isSettled(object, this.#horizonOf(at.partition))) return
      // Not synced: if a crash undoes the removal, the record is collected again.
      this.#table.replace(entry, ABSENT_COPY, 'os', (failure) => {
        if (failure === undefined) this.#metrics.count('tombstones_collected_total')
      })
    })
  }
}
