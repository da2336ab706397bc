/** The keys of a bucket as an async iterable. It loads page after page, and continues behind the last key that it gave. */
import { type Answer, emptyAnswer, parseJson } from './request/answer.ts'
import type { Failure } from './request/call.ts'
import type { CallOptions, KeyRequests } from './key-requests.ts'
import { assertUsage } from './request/usage.ts'
import { StoppableIterator } from './stoppable-iterator.ts'

export interface KeyListOptions extends CallOptions {
  readonly prefix?: string | undefined
  /** Begins behind this key, which need not exist. */
  readonly after?: string | undefined
  /** Keys that are loaded at a time: 1 to 1000. */
  readonly pageSize?: number | undefined
  /** Only keys with siblings. */
  readonly conflicted?: boolean | undefined
  /** Goes on although a cut hides some data partitions; `missingPartitions` tells which. */
  readonly partial?: boolean | undefined
}

export interface ListedKey {
  readonly key: string
  /** The bytes of all its values together. */
  readonly size: number
  readonly siblings: number
  readonly etag: string
}

interface Page {
  readonly keys: readonly ListedKey[]
  readonly next: string | null
  readonly complete: boolean
  readonly missingPartitions?: readonly number[]
}

export class KeyList implements AsyncIterable<ListedKey> {
  readonly #requests: KeyRequests
  readonly #options: KeyListOptions
  readonly #missing = new Set<number>()
  #cursor: string | undefined

  constructor(requests: KeyRequests, options: KeyListOptions) {
    assertUsage(!requests.isBatch, 'a batch lists no keys')
    this.#requests = requests
    this.#options = options
    this.#cursor = options.after
  }

  /** The last key so far: a list with `after: cursor` continues behind it. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Data partitions of which keys may be missing so far. Always empty without `partial`. */
  get missingPartitions(): ReadonlySet<number> {
    return this.#missing
  }

  /** Continues behind `cursor`. `return` gives up the page under way at once. */
  [Symbol.asyncIterator](): StoppableIterator<ListedKey> {
    return new StoppableIterator((stop) => this.#keys(stop))
  }

  async *#keys(stop: AbortSignal): AsyncGenerator<ListedKey, void, undefined> {
    const { signal: given } = this.#options
    const signal = given === undefined ? stop : AbortSignal.any([given, stop])
    for (;;) {
      const { keys, next, missingPartitions = [] } = await this.#load(this.#cursor, signal)
      for (const partition of missingPartitions) this.#missing.add(partition)
      for (const listed of keys) {
        this.#cursor = listed.key
        yield listed
      }
      if (next === null) return
      this.#cursor = next
    }
  }

  async #load(after: string | undefined, signal: AbortSignal): Promise<Page> {
    const { prefix, pageSize, conflicted, partial = false } = this.#options
    const { sender, bucket } = this.#requests
    const query = {
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
      ...(pageSize === undefined ? {} : { limit: String(pageSize) }),
      ...(conflicted === undefined ? {} : { conflicted: String(conflicted) }),
    }
    const answer = await sender.send(
      {
        method: 'GET',
        path: `/v1/keys/${bucket}`,
        query,
        headers: { accept: 'application/json' },
        statuses: [200],
        failureIn: (page) => failureIn(page, after, partial),
      },
      sender.budget({ ...this.#options, signal }),
    )
    return parseJson(answer.body) as Page
  }
}

/** A page that lacks keys, or does not go on, is a failure: another node may reach more. */
function failureIn({ body, status }: Answer, after = '', partial: boolean): Failure | undefined {
  const page = parseJson(body) as Page | undefined
  if (!Array.isArray(page?.keys)) {
    return emptyAnswer('outcome_unknown', 'the answer is not a page of keys', status)
  }
  const { keys, next, complete, missingPartitions = [] } = page
  if (!complete && !partial) {
    const missing = `${missingPartitions.length} data partitions are out of reach`
    return emptyAnswer('quorum_unreachable', `${missing}; partial: true lists the others`, status)
  }
  if (keys.length > 0 || next === null || next !== after) return undefined
  return emptyAnswer('deadline_passed', 'the page ended before its first key', status)
}
