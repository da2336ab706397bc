/** A bucket of mode `set`: sets of strings. If an element is added and removed concurrently, the add wins. */
import type { ReadOptions } from './bucket.ts'
import type { TypeOptions } from './counter-bucket.ts'
import { type KeyRequests, type PlainLevel, type Written, writtenBy } from './key-requests.ts'
import { assertUsage } from './request/usage.ts'
import { FormatError } from './value-format.ts'

export interface SetChange {
  readonly add?: Iterable<string>
  readonly remove?: Iterable<string>
}

export interface SetChangeOptions extends ReadOptions {
  /**
   * The change may take effect twice: if another client undoes it in between, the second effect brings it back. So an
   * unknown attempt is repeated.
   */
  readonly idempotent?: boolean | undefined
}

export class SetBucket {
  readonly #requests: KeyRequests
  readonly #level: PlainLevel | undefined

  constructor(requests: KeyRequests, { consistency }: TypeOptions) {
    this.#requests = requests
    this.#level = consistency
  }

  get name(): string {
    return this.#requests.bucket
  }

  /** Empty for an absent key. */
  async get(key: string, options: ReadOptions = {}): Promise<ReadonlySet<string>> {
    const value = await this.#requests.readTyped(key, options.consistency ?? this.#level, options)
    if (value === undefined) return new Set()
    if (Array.isArray(value)) return new Set(value as string[])
    throw new FormatError(`The value of ${this.name}/${key} is not a set.`)
  }

  add(key: string, elements: Iterable<string>, options?: SetChangeOptions): Promise<Written> {
    return this.change(key, { add: elements }, options)
  }

  remove(key: string, elements: Iterable<string>, options?: SetChangeOptions): Promise<Written> {
    return this.change(key, { remove: elements }, options)
  }

  /** Adds and removes in one step. No element may be in both. */
  async change(
    key: string,
    { add = [], remove = [] }: SetChange,
    options: SetChangeOptions = {},
  ): Promise<Written> {
    const { consistency: level = this.#level, idempotent: isRepeatable = false } = options
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ add: wellFormed(add), remove: wellFormed(remove) })
    const answer = await this.#requests.send(
      { method: 'POST', key, level, headers, body, isRepeatable, isRouted: true },
      this.#requests.budget(options),
    )
    return writtenBy(answer)
  }

  async delete(key: string, options: SetChangeOptions = {}): Promise<Written> {
    const { consistency: level = this.#level, idempotent: isRepeatable = false } = options
    const answer = await this.#requests.send(
      { method: 'DELETE', key, level, isRepeatable, isRouted: true },
      this.#requests.budget(options),
    )
    return writtenBy(answer)
  }
}

/** Throws TypeError. */
function wellFormed(elements: Iterable<string>): readonly string[] {
  const list = [...elements]
  const half = list.find((element) => !element.isWellFormed())
  const problem = `${JSON.stringify(half)} has half of a surrogate pair, which UTF-8 cannot express`
  assertUsage(half === undefined, `the element ${problem}`)
  return list
}
