/**
 * Reads a page of this node's log (change-log.ts): the keys that have changed, each with the head of its present record.
 *
 * Invariant: the head is at least as new as the changes of its key up to the end of the page, because the record is read
 * after the log.
 */
import { TICKS_PER_MS } from '../../core/causality/hybrid-clock.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import { DiskError } from '../../ports/disk.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { refusalOf } from '../replica/replica.ts'
import type { ObjectTable } from '../storage/object-table.ts'
import { encodeHead, headOf } from '../storage/record-head.ts'
import { type DataName, dataKey } from '../storage/storage-keys.ts'
import type { ChangesAnswer, ChangesRequest } from '../wire/asks/watch-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import type { Copy } from '../wire/object-record.ts'
import type { ChangeLog } from './change-log.ts'

/** The most keys of one page. A watch keeps at most two pages of each log in memory. */
export const PAGE_KEYS_MAX = 64
/** A page looks at this many changes at most, because nearly all may belong to other buckets. */
const SCANNED_MAX = 16_384

export interface ChangePageParts {
  readonly log: ChangeLog
  readonly table: ObjectTable
  readonly clock: NodeClock
  /** Whether this node owns that partition of the bucket in the topology in force. */
  readonly owns: (bucket: string, partition: number) => boolean
  readonly placementVersion: () => number
  /** Replaces a record that an index lists but that is absent (vanished-record.ts). Rejects with a `DiskError`. */
  readonly replaceVanished: (storageKey: string) => Promise<void>
}

export class ChangePages {
  readonly #codec: Codec
  readonly #parts: ChangePageParts
  /** A record is damaged. */
  readonly corrupt = new Signal<[storageKey: string]>()

  constructor(ports: { codec: Codec }, parts: ChangePageParts) {
    this.#codec = ports.codec
    this.#parts = parts
  }

  async page(request: ChangesRequest): Promise<ChangesAnswer | Refusal> {
    const { log, owns } = this.#parts
    const { bucket, life, after, partitions } = request
    log.record(bucket)
    if (request.limit === 0 || life !== log.life) return this.#answer(log.end, {})
    const gone = partitions.filter(
      (partition) =>
        after > log.end || !log.hasAllAfter(bucket, partition, after) || !owns(bucket, partition),
    )
    if (gone.length > 0) return this.#answer(Math.min(after, log.end), { gone })
    // Read the horizon before the log: whatever was taken over before it moved is in the log by then.
    const settled = log.settled(bucket, partitions)
    const { sequence, changed } = this.#scan(request)
    const answer = this.#answer(sequence, { settled, isEnd: sequence === log.end })
    return this.#withHeads(answer, changed)
  }

  #answer(sequence: number, more: Partial<ChangesAnswer>): ChangesAnswer {
    const { log, clock } = this.#parts
    return {
      life: log.life,
      sequence,
      isEnd: false,
      settled: 0,
      // The clock has observed every record that this life has stored. The drift covers records of earlier lives.
      stamp: clock.reading() + clock.maxDriftMs * TICKS_PER_MS,
      nowMs: Math.floor(clock.nowMs()),
      gone: [],
      entries: [],
      ...more,
    }
  }

  #scan({ bucket, prefix, after, until, partitions, limit }: ChangesRequest): {
    sequence: number
    changed: readonly DataName[]
  } {
    const { log } = this.#parts
    const wanted = new Set(partitions)
    const changed = new Map<string, DataName>()
    const end = Math.min(until ?? log.end, log.end, after + SCANNED_MAX)
    for (let sequence = after + 1; sequence <= end; sequence++) {
      const change = log.at(sequence)
      if (change.bucket !== bucket || !wanted.has(change.partition)) continue
      if (!change.key.startsWith(prefix) || changed.has(change.name)) continue
      if (changed.size === Math.min(limit, PAGE_KEYS_MAX)) {
        return { sequence: sequence - 1, changed: [...changed.values()] }
      }
      changed.set(change.name, change)
    }
    return { sequence: end, changed: [...changed.values()] }
  }

  async #withHeads(
    answer: ChangesAnswer,
    changed: readonly DataName[],
  ): Promise<ChangesAnswer | Refusal> {
    const version = this.#parts.placementVersion()
    const heads = await Promise.all(changed.map((at) => this.#head(at)))
    // Records may have been dropped because other nodes own them now. That must not pass for a delete.
    if (version !== this.#parts.placementVersion()) {
      return { code: 'not_ready', message: 'the owners changed while the records were read' }
    }
    const entries: { key: string; head: Uint8Array }[] = []
    let { settled } = answer
    for (const [i, head] of heads.entries()) {
      if (head instanceof DiskError) return refusalOf(head)
      if (head !== undefined) entries.push({ key: (changed[i] as DataName).key, head })
      else settled = 0
    }
    // By now other values may have expired.
    return { ...answer, settled, nowMs: Math.floor(this.#parts.clock.nowMs()), entries }
  }

  /** Undefined if the record is damaged or lost: it will be replaced, and that change comes later in the log. */
  async #head(at: DataName): Promise<Uint8Array | DiskError | undefined> {
    const storageKey = dataKey(at.partition, at.bucket, at.key)
    try {
      let copy = await this.#copy(storageKey)
      if (copy?.record.length === 0) {
        // It was deleted, or the disk has lost it, which must not pass for a delete.
        await this.#parts.replaceVanished(storageKey)
        copy = await this.#copy(storageKey)
      }
      if (copy !== undefined) return this.#codec.encode(encodeHead(headOf(copy.object)))
    } catch (error) {
      if (error instanceof DiskError) return error
      throw error
    }
    this.#parts.log.leaveOut(at)
    return undefined
  }

  /** Undefined if the record is damaged or given up. Rejects with a `DiskError`. */
  #copy(storageKey: string): Promise<Copy | undefined> {
    return new Promise((resolve, reject) => {
      this.#parts.table.find(storageKey, (entry, failure) => {
        if (failure instanceof DiskError) {
          reject(failure)
          return
        }
        if (entry === undefined) this.corrupt.emit(storageKey)
        resolve(entry?.isLost === false ? entry.durable : undefined)
      })
    })
  }
}
