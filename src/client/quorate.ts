/** The client of Quorate: `import { createClient } from 'quorate/client'`. README.md in this folder is its manual. */
import { type BatchResults, runBatch } from './batch.ts'
import { BucketLevels } from './bucket-levels.ts'
import { Handles } from './handles.ts'
import {
  type CallOptions,
  checkBucketName,
  type PlainLevel,
  type RequestParts,
} from './key-requests.ts'
import { acquireLock, type Lock, type LockEntry, type LockOptions } from './lock.ts'
import { parseJson } from './request/answer.ts'
import type { RetryPolicy } from './request/call.ts'
import type { Endpoints } from './request/endpoint-ring.ts'
import { type Clock, type Fetch, type Random, SYSTEM_PORTS } from './request/ports.ts'
import { RejectedError, RequestError } from './request/request-error.ts'
import { Sender } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import { SessionChain } from './session-chain.ts'
import { Session } from './session.ts'
import { json } from './value-format.ts'

const TIMEOUT_MS = 5000
const RETRY: RetryPolicy = { attempts: 5, baseMs: 50, maxMs: 1000 }
const NO_RETRY: RetryPolicy = { ...RETRY, attempts: 1 }

export interface ClientOptions {
  /** Addresses such as `http://localhost:8001`, or such addresses by the id of their node. */
  readonly endpoints: Endpoints
  /** For nodes with QUORATE_AUTH=on. All endpoints get it, so all of them must be yours. */
  readonly token?: string | undefined
  /** Bounds each call as a whole, unless the call says otherwise. */
  readonly timeoutMs?: number | undefined
  /** False allows one attempt. */
  readonly retry?: false | Partial<RetryPolicy> | undefined
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export interface NewBucket {
  readonly mode: 'siblings' | 'lww' | 'strong' | 'counter' | 'set'
  /** How many nodes keep each key. */
  readonly n?: number
  /** The level of requests that name none. */
  readonly consistency?: PlainLevel | 'strong'
  /** `os` acknowledges before the write is synced to the disk. */
  readonly durability?: 'sync' | 'os'
  readonly ttlSeconds?: number | null
}

export interface BucketInfo extends Required<NewBucket> {
  readonly name: string
}

export interface DeleteBucketOptions extends CallOptions {
  /** Deletes the bucket with all that it holds, and needs only a majority of the voters. */
  readonly force?: boolean | undefined
}

export class Quorate extends Handles implements AsyncDisposable {
  readonly #parts: RequestParts

  /** Throws TypeError for options that cannot be meant. Sends nothing. */
  constructor(options: ClientOptions) {
    const { endpoints, token, timeoutMs = TIMEOUT_MS, retry = {}, ...ports } = options
    const policy = retry === false ? NO_RETRY : { ...RETRY, ...retry }
    assertUsage(policy.attempts >= 1, `retry.attempts must be at least 1, not ${policy.attempts}`)
    const { clock, random, fetch } = SYSTEM_PORTS
    const sender = new Sender(
      { endpoints, token, timeoutMs, retry: policy },
      {
        clock: ports.clock ?? clock,
        random: ports.random ?? random,
        fetch: ports.fetch ?? fetch,
      },
    )
    const session = new SessionChain(false, undefined)
    const parts: RequestParts = { sender, session, levels: new BucketLevels() }
    super(parts)
    this.#parts = parts
  }

  /** Begins a causal session, or continues the one with that token. */
  session(token?: string): Session {
    return new Session(this.#parts, token)
  }

  /** Takes the lock at this key of a strong bucket. Waits for it until the deadline of the call. */
  async lock(bucket: string, key: string, options?: LockOptions): Promise<Lock> {
    const entries = this.strong(bucket, { format: json<LockEntry>() })
    return acquireLock(entries, this.#parts.sender, key, options)
  }

  /**
   * Sends the calls that `build` makes as one request: `batch((b) => [b.bucket('default').get('k'), …])`. Resolves with
   * what became of each call, in order. A batch is not a transaction.
   */
  batch<const T extends readonly Promise<unknown>[]>(
    build: (batch: Handles) => T,
    options?: CallOptions,
  ): Promise<BatchResults<T>> {
    return runBatch(this.#parts, build, options)
  }

  /** Creates a bucket, unless the same one exists. */
  async createBucket(
    name: string,
    bucket: NewBucket,
    options: CallOptions = {},
  ): Promise<BucketInfo> {
    const { sender } = this.#parts
    const { body } = await sender.send(
      {
        method: 'PUT',
        path: `/v1/buckets/${checkBucketName(name)}`,
        query: {},
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bucket),
        isRepeatable: true,
        statuses: [200, 201],
      },
      sender.budget(options),
    )
    return parseJson(body) as BucketInfo
  }

  /**
   * Deletes a bucket, unless it is gone already. It must be empty, unless `force` deletes all that it holds. A repeated
   * call is harmless as long as nobody creates the bucket again.
   */
  async deleteBucket(
    name: string,
    { force = false, ...options }: DeleteBucketOptions = {},
  ): Promise<void> {
    const { sender, levels } = this.#parts
    const request = {
      method: 'DELETE',
      path: `/v1/buckets/${checkBucketName(name)}`,
      query: force ? { force: 'true' } : {},
      headers: {},
      isRepeatable: true,
      statuses: [204],
      isDoneByStatus: true,
    } as const
    try {
      await sender.send(request, sender.budget(options))
    } catch (error) {
      // This is the end of an unknown attempt, too: the bucket is gone.
      const isGone =
        error instanceof RequestError && error.attempts.at(-1)?.code === 'bucket_unknown'
      if (!isGone) throw error
    }
    levels.forget(name)
  }

  /** Undefined if there is no such bucket. */
  async bucketInfo(name: string, options: CallOptions = {}): Promise<BucketInfo | undefined> {
    const { sender } = this.#parts
    const path = `/v1/buckets/${checkBucketName(name)}`
    const request = { method: 'GET', path, query: {}, headers: {}, statuses: [200] } as const
    try {
      const asked = sender.send({ ...request, takesTimeout: false }, sender.budget(options))
      return parseJson((await asked).body) as BucketInfo
    } catch (error) {
      if (error instanceof RejectedError && error.code === 'bucket_unknown') return undefined
      throw error
    }
  }

  /** Ends the calls under way, and refuses new ones. */
  close(): Promise<void> {
    return this.#parts.sender.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export function createClient(options: ClientOptions): Quorate {
  return new Quorate(options)
}

export type { BatchResults } from './batch.ts'
export type {
  Bucket,
  BucketOptions,
  PutOptions,
  ReadOptions,
  Updated,
  UpdateOptions,
  WriteOptions,
} from './bucket.ts'
export type { CounterBucket, IncrementOptions, TypeOptions } from './counter-bucket.ts'
export type { Handles } from './handles.ts'
export { type Entry, type Merge, type Sibling, SiblingsError } from './entry.ts'
export type { KeyList, KeyListOptions, ListedKey } from './key-list.ts'
export type { KeyChange, KeyWatch, WatchEvent, WatchOptions } from './key-watch.ts'
export type { CallOptions, Level, PlainLevel, Told, Written } from './key-requests.ts'
export { type Lock, LockLostError, type LockOptions } from './lock.ts'
export type { RetryPolicy } from './request/call.ts'
export type { Endpoints } from './request/endpoint-ring.ts'
export type { Clock, Fetch, FetchInit, Random } from './request/ports.ts'
export {
  type Attempt,
  type ErrorCode,
  type Outcome,
  type Problem,
  RejectedError,
  RequestError,
  UnknownOutcomeError,
  UsageError,
} from './request/request-error.ts'
export type { Session } from './session.ts'
export type { SetBucket, SetChange, SetChangeOptions } from './set-bucket.ts'
export type {
  StrongBucket,
  StrongEntry,
  StrongOptions,
  StrongReadOptions,
  StrongWriteOptions,
  Swap,
} from './strong-bucket.ts'
export { bytes, type Format, FormatError, json, text } from './value-format.ts'
