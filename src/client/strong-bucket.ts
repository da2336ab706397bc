/** A bucket of mode `strong`: one value for each key, linearizable, with compare-and-set. */
import {
  type CallOptions,
  type KeyRequests,
  type Level,
  type Told,
  toldBy,
  ttlQuery,
  type Written,
  writtenBy,
} from './key-requests.ts'
import type { Answer } from './request/answer.ts'
import { RejectedError } from './request/request-error.ts'
import type { Budget } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import { decodeValue, type Format } from './value-format.ts'

/** How often an update begins again because other writers came first. */
const ROUNDS_MAX = 32
/** The longest pause before the second round. It doubles with each round, up to the second number. */
const PAUSE_MS = 5
const PAUSE_MS_MAX = 200

export interface StrongOptions<T> {
  /** `text` if left out. */
  readonly format?: Format<T>
}

export interface StrongReadOptions extends CallOptions {
  /** A level below `strong` is faster, and may find a stale value. */
  readonly consistency?: Level | undefined
}

export interface StrongWriteOptions extends CallOptions {
  readonly ttlSeconds?: number | undefined
}

export interface StrongEntry<T> extends Told {
  /** Undefined if the key is absent. */
  readonly value: T | undefined
  /** Undefined if the key is absent. */
  readonly etag: string | undefined
}

/** `etag` is that of the new value; undefined after a delete. */
export type Swap =
  | { readonly isSet: true; readonly etag: string | undefined }
  | { readonly isSet: false }

export class StrongBucket<T> {
  readonly #requests: KeyRequests
  readonly #format: Format<T>

  constructor(requests: KeyRequests, format: Format<T>) {
    this.#requests = requests
    this.#format = format
  }

  get name(): string {
    return this.#requests.bucket
  }

  async get(key: string, options: StrongReadOptions = {}): Promise<StrongEntry<T>> {
    return this.#read(key, options, this.#requests.budget(options))
  }

  /** Writes, whatever the value is now. */
  async put(key: string, value: T, options: StrongWriteOptions = {}): Promise<Written> {
    assertUsage(value !== undefined, 'undefined is no value: use delete')
    return writtenBy(await this.#write(key, value, {}, options, this.#requests.budget(options)))
  }

  /** Deletes, whatever the value is now. */
  async delete(key: string, options: CallOptions = {}): Promise<Written> {
    return writtenBy(await this.#write(key, undefined, {}, options, this.#requests.budget(options)))
  }

  /**
   * Writes if the key still has the ETag `expected`, or, if that is undefined, if the key is absent. A `value` of
   * undefined deletes the key.
   */
  async compareAndSet(
    key: string,
    expected: string | undefined,
    value: T | undefined,
    options: StrongWriteOptions = {},
  ): Promise<Swap> {
    return this.#swap(key, expected, value, options, this.#requests.budget(options))
  }

  /**
   * Reads the key, applies `change`, and writes if nobody wrote in between; otherwise begins again. A result of
   * undefined deletes the key. Resolves with the new entry.
   */
  async update(
    key: string,
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options: StrongWriteOptions = {},
  ): Promise<{ readonly value: T | undefined; readonly etag: string | undefined }> {
    const budget = this.#requests.budget(options)
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const read = await this.#read(key, {}, budget)
      const value = await change(read.value)
      if (value === undefined && read.etag === undefined) return { value, etag: undefined }
      const swap = await this.#swap(key, read.etag, value, options, budget)
      if (swap.isSet) return { value, etag: swap.etag }
      await this.#requests.sender.jitter(budget, Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** round))
    }
    throw new RejectedError({
      code: 'precondition_failed',
      detail: `The update of ${this.name}/${key} was rejected: ${ROUNDS_MAX} times another writer came first.`,
      retryable: true,
      attempts: [],
    })
  }

  async #swap(
    key: string,
    expected: string | undefined,
    value: T | undefined,
    options: StrongWriteOptions,
    budget: Budget,
  ): Promise<Swap> {
    const condition = expected === undefined ? { 'if-none-match': '*' } : { 'if-match': expected }
    try {
      const answer = await this.#write(key, value, condition, options, budget)
      return { isSet: true, etag: answer.headers.get('etag') ?? undefined }
    } catch (error) {
      if (error instanceof RejectedError && error.code === 'precondition_failed') {
        return { isSet: false }
      }
      throw error
    }
  }

  async #read(key: string, options: StrongReadOptions, budget: Budget): Promise<StrongEntry<T>> {
    const { consistency: level = 'strong' } = options
    const answer = await this.#requests.send({ method: 'GET', key, level, isRouted: true }, budget)
    const told = toldBy(answer)
    if (answer.status === 404) return { ...told, value: undefined, etag: undefined }
    const contentType = answer.headers.get('content-type') ?? ''
    const value = decodeValue(this.#format, answer.body, contentType, `${this.name}/${key}`)
    return { ...told, value, etag: answer.headers.get('etag') ?? undefined }
  }

  /** Undefined deletes the key. */
  #write(
    key: string,
    value: T | undefined,
    condition: Readonly<Record<string, string>>,
    { ttlSeconds }: StrongWriteOptions,
    budget: Budget,
  ): Promise<Answer> {
    const about = { key, level: 'strong' } as const
    if (value === undefined) {
      return this.#requests.sendOnce({ ...about, method: 'DELETE', headers: condition }, budget)
    }
    return this.#requests.sendOnce(
      {
        ...about,
        method: 'PUT',
        query: ttlQuery(ttlSeconds),
        headers: { ...condition, 'content-type': this.#format.contentType },
        body: this.#format.encode(value),
      },
      budget,
    )
  }
}
