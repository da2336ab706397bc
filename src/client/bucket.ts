/** A bucket whose keys may have siblings, or of which the newest write wins: modes `siblings` and `lww`. */
import { type Entry, entryOf, type Merge } from './entry.ts'
import { KeyList, type KeyListOptions } from './key-list.ts'
import { KeyWatch, type WatchOptions } from './key-watch.ts'
import {
  type CallOptions,
  type KeyRequests,
  type PlainLevel,
  ttlQuery,
  type Written,
  writtenBy,
} from './key-requests.ts'
import { RequestError } from './request/request-error.ts'
import type { Budget } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import { type Format, FormatError } from './value-format.ts'

/** How often an update merges what others wrote meanwhile. Then it leaves the siblings to the next update. */
const MERGES_MAX = 32
/** The longest pause before a merge is between these two numbers. */
const PAUSE_MS_MIN = 10
const PAUSE_MS_MAX = 2000
/** How much longer the longest pause is with each further merge. */
const PAUSE_GROWTH = 1.5

export interface BucketOptions<T> {
  /** `text` if left out. */
  readonly format?: Format<T>
  readonly merge?: Merge<T> | undefined
  /** For calls that name no level. The bucket's own default if left out. */
  readonly consistency?: PlainLevel | undefined
}

export interface ReadOptions extends CallOptions {
  readonly consistency?: PlainLevel | undefined
}

export interface WriteOptions extends ReadOptions {
  /** What the write replaces, from a read of the key. Without it, the write replaces every value that it finds. */
  readonly context?: string | undefined
  /** The write may take effect twice, even around a write of another client. So an unknown attempt is repeated. */
  readonly idempotent?: boolean | undefined
}

export interface PutOptions extends WriteOptions {
  readonly ttlSeconds?: number | undefined
}

export interface UpdateOptions extends ReadOptions {
  readonly ttlSeconds?: number | undefined
  /** As for a write: the change may be applied twice. */
  readonly idempotent?: boolean | undefined
}

export interface Updated<T> {
  /** The value that was written; undefined if the key is absent now. */
  readonly value: T | undefined
  readonly context: string | undefined
  /** More than 1 if others kept writing: the change is stored, and the next update merges. */
  readonly siblings: number
}

export class Bucket<T> {
  readonly #requests: KeyRequests
  readonly #format: Format<T>
  readonly #merge: Merge<T> | undefined
  readonly #level: PlainLevel | undefined

  constructor(
    requests: KeyRequests,
    format: Format<T>,
    { merge, consistency }: Omit<BucketOptions<T>, 'format'>,
  ) {
    this.#requests = requests
    this.#format = format
    this.#merge = merge
    this.#level = consistency
  }

  get name(): string {
    return this.#requests.bucket
  }

  /** An absent key is an entry without siblings. */
  async get(key: string, options: ReadOptions = {}): Promise<Entry<T>> {
    return this.#read(key, options, this.#requests.budget(options))
  }

  async put(key: string, value: T, options: PutOptions = {}): Promise<Written> {
    assertUsage(value !== undefined, 'undefined is no value: use delete')
    return this.#write(key, value, options, this.#requests.budget(options))
  }

  /** Resolves for an absent key, too; `existed` tells. */
  async delete(key: string, options: WriteOptions = {}): Promise<Written> {
    return this.#write(key, undefined, options, this.#requests.budget(options))
  }

  /**
   * Reads the key, merges its siblings, applies `change` once, and writes the result; undefined deletes the key. If it
   * rejects with a RejectedError, nothing was applied. In a bucket of mode `lww` a concurrent write may be lost.
   */
  async update(
    key: string,
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options: UpdateOptions = {},
  ): Promise<Updated<T>> {
    const budget = this.#requests.budget(options)
    const { context, siblings, value: read } = await this.#read(key, options, budget)
    const value = await change(read())
    if (value === undefined && siblings.length === 0) return { value, context, siblings: 0 }
    const replaced = await this.#replace(key, value, { ...options, context }, budget)
    const { updated, isStored } = replaced
    // After a delete, one value of another client is left as it is.
    const isOver = !isStored || (value === undefined && updated.siblings <= 1)
    if (this.#merge === undefined || isOver) return updated
    return this.#mergeOthers(key, replaced, options, budget)
  }

  /** The keys of the bucket in byte order, page by page. */
  keys(options: KeyListOptions = {}): KeyList {
    return new KeyList(this.#requests, options)
  }

  /** The changes of the keys of the bucket, whatever its mode, from now on. */
  watch(options: WatchOptions = {}): KeyWatch {
    return new KeyWatch(this.#requests, options)
  }

  /**
   * Merges until a read finds one value. A write is told the values that its coordinator knows, and of two concurrent
   * writes perhaps neither is told of the other. But each is followed by a read, and the later read finds both.
   *
   * The change is stored already, so nothing that the store answers from here on makes the update fail.
   */
  async #mergeOthers(
    key: string,
    replaced: Replaced<T>,
    options: UpdateOptions,
    budget: Budget,
  ): Promise<Updated<T>> {
    const { sender } = this.#requests
    let { updated: last, writeMs } = replaced
    let isConcurrent = last.siblings > 1
    for (let merges = 0; merges < MERGES_MAX;) {
      try {
        if (isConcurrent) await sender.jitter(budget, pauseMsOf(merges, last.siblings, writeMs))
        const { context, siblings, value: read } = await this.#read(key, options, budget)
        if (siblings.length <= 1) {
          const isOwn = merges === 0 && !isConcurrent
          return isOwn ? last : { value: read(), context, siblings: siblings.length }
        }
        if (isConcurrent) {
          const merged = await this.#replace(key, read(), { ...options, context }, budget)
          ;({ updated: last, writeMs } = merged)
          merges++
        } else last = { ...last, siblings: siblings.length }
        isConcurrent = last.siblings > 1
      } catch (error) {
        const isTold = error instanceof RequestError || error instanceof FormatError
        // The client was closed.
        const isClosed = error instanceof DOMException && error.name === 'AbortError'
        if (isTold || isClosed || error === budget.signal?.reason) return last
        throw error
      }
    }
    return last
  }

  async #replace(
    key: string,
    value: T | undefined,
    options: PutOptions,
    budget: Budget,
  ): Promise<Replaced<T>> {
    const { clock } = this.#requests.sender.ports
    const beganMs = clock.nowMs()
    const { context, siblings = 1, isStored } = await this.#write(key, value, options, budget)
    const writeMs = clock.nowMs() - beganMs
    return { updated: { value, context, siblings }, isStored, writeMs }
  }

  async #read(key: string, options: ReadOptions, budget: Budget): Promise<Entry<T>> {
    const level = options.consistency ?? this.#level
    const answer = await this.#requests.send({ method: 'GET', key, level }, budget)
    return entryOf(answer, this.#format, this.#merge, `${this.name}/${key}`)
  }

  /** Undefined deletes the key. */
  async #write(
    key: string,
    value: T | undefined,
    options: PutOptions,
    budget: Budget,
  ): Promise<Written> {
    const { consistency: level = this.#level, context, idempotent: isRepeatable = false } = options
    const seen = { 'quorate-context': context }
    const answer =
      value === undefined
        ? await this.#requests.send(
            { method: 'DELETE', key, level, headers: seen, isRepeatable },
            budget,
          )
        : await this.#requests.send(
            {
              method: 'PUT',
              key,
              level,
              query: ttlQuery(options.ttlSeconds),
              headers: { ...seen, 'content-type': this.#format.contentType },
              body: this.#format.encode(value),
              isRepeatable,
            },
            budget,
          )
    return writtenBy(answer)
  }
}

/** A write of an update. */
interface Replaced<T> {
  readonly updated: Updated<T>
  readonly isStored: boolean
  /** How long the write took. */
  readonly writeMs: number
}

/**
 * Updates that merge at the same moment would leave siblings again. So the longest pause has room for a merge of each of
 * their writers, one after the other: a read and a write. It grows, because there may be more writers than siblings.
 */
function pauseMsOf(merges: number, siblings: number, writeMs: number): number {
  const allMs = 2 * writeMs * siblings * PAUSE_GROWTH ** merges
  return Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, allMs))
}
