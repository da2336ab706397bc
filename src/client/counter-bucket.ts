/** A bucket of mode `counter`. Every increment has a name of its own, so it counts once, however often it is sent. */
import { type KeyRequests, type PlainLevel, type Written, writtenBy } from './key-requests.ts'
import type { ReadOptions } from './bucket.ts'
import { assertUsage } from './request/usage.ts'
import { FormatError } from './value-format.ts'

export interface TypeOptions {
  /** For calls that name no level. The bucket's own default if left out. */
  readonly consistency?: PlainLevel | undefined
}

export interface IncrementOptions extends ReadOptions {
  /** Increments of one key under the same name count once within ten minutes. By default each call has its own. */
  readonly idempotencyKey?: string | undefined
}

export class CounterBucket {
  readonly #requests: KeyRequests
  readonly #level: PlainLevel | undefined

  constructor(requests: KeyRequests, { consistency }: TypeOptions) {
    this.#requests = requests
    this.#level = consistency
  }

  get name(): string {
    return this.#requests.bucket
  }

  /** 0 for an absent key. Throws FormatError for a value that a number does not hold exactly. */
  async get(key: string, options: ReadOptions = {}): Promise<number> {
    const value = await this.#requests.readTyped(key, options.consistency ?? this.#level, options)
    if (value === undefined) return 0
    if (Number.isSafeInteger(value)) return value as number
    throw new FormatError(`The value of ${this.name}/${key} is not a whole number up to 2^53 - 1.`)
  }

  /** `by` is a whole number of either sign. */
  async increment(key: string, by = 1, options: IncrementOptions = {}): Promise<Written> {
    assertUsage(Number.isSafeInteger(by), `a counter grows by whole numbers, not by ${by}`)
    const level = options.consistency ?? this.#level
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ increment: by })
    const request = { method: 'POST', key, level, headers, body } as const
    const budget = this.#requests.budget(options)
    return writtenBy(await this.#requests.sendOnce(request, budget, options.idempotencyKey))
  }

  /** Forgets what a quorum sees. A concurrent increment survives, and so may all that its owner had counted before. */
  async delete(key: string, options: ReadOptions = {}): Promise<Written> {
    const level = options.consistency ?? this.#level
    const request = { method: 'DELETE', key, level } as const
    return writtenBy(await this.#requests.sendOnce(request, this.#requests.budget(options)))
  }
}
