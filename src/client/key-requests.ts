/**
 * Requests about keys, as all kinds of buckets make them: the address, the level, and the session that they belong to.
 */
import type { BucketLevels } from './bucket-levels.ts'
import { type Answer, parseJson } from './request/answer.ts'
import type { Budget, OutgoingRequest, Sender } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import type { SessionChain } from './session-chain.ts'

/** What a request waits for, and therefore promises. */
export type PlainLevel = 'weak' | 'eventual' | 'causal' | 'quorum' | 'all'
export type Level = PlainLevel | 'strong'

/** What each call may say for itself. */
export interface CallOptions {
  /** Bounds the call as a whole. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What every answer about a key tells. */
export interface Told {
  /** The node that ran the request. */
  readonly node: string
  /** The level that the answer keeps. */
  readonly level: Level
  /** How many answers were needed, how many came, and how many of them are hints of fallback nodes. */
  readonly quorum: { readonly need: number; readonly got: number; readonly hinted: number }
}

/** What a write is told. */
export interface Written extends Told {
  /** False at `weak`: accepted in memory, and not stored yet. */
  readonly isStored: boolean
  /** For the next write of the key; undefined in a bucket of mode strong, and at `weak`. */
  readonly context: string | undefined
  readonly etag: string | undefined
  /** How many values the key has now; undefined if the bucket keeps no siblings, and at `weak`. */
  readonly siblings: number | undefined
  /** For a delete: whether there was a value. */
  readonly existed: boolean | undefined
}

export interface KeyRequest {
  readonly method: OutgoingRequest['method']
  readonly key: string
  /** The default of the bucket if undefined. */
  readonly level: Level | undefined
  readonly query?: Readonly<Record<string, string>>
  /** Headers that are undefined are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
  readonly isRepeatable?: boolean
  readonly isRouted?: boolean
}

const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const READ_STATUSES: readonly number[] = [200, 300, 404]
const WRITE_STATUSES: readonly number[] = [202, 204]

/** Takes requests that are sent together. */
export interface RequestQueue {
  readonly budget: Budget
  /** Settles with the answer to this request. Throws TypeError for a request that cannot be taken. */
  add(bucket: string, request: KeyRequest): Promise<Answer>
}

/** What all buckets of a client, of a session, or of a batch share. */
export interface RequestParts {
  readonly sender: Sender
  readonly session: SessionChain
  readonly levels: BucketLevels
  /** For a batch; undefined if each request is sent by itself. */
  readonly queue?: RequestQueue | undefined
}

/** The requests of one bucket. */
export class KeyRequests {
  readonly bucket: string
  readonly sender: Sender
  readonly #session: SessionChain
  readonly #levels: BucketLevels
  readonly #queue: RequestQueue | undefined

  constructor(bucket: string, parts: RequestParts) {
    this.bucket = checkBucketName(bucket)
    this.sender = parts.sender
    this.#session = parts.session
    this.#levels = parts.levels
    this.#queue = parts.queue
  }

  get isBatch(): boolean {
    return this.#queue !== undefined
  }

  budget(options: CallOptions): Budget {
    if (this.#queue === undefined) return this.sender.budget(options)
    const { timeoutMs, signal } = options
    assertUsage(
      timeoutMs === undefined && signal === undefined,
      'a batch has one timeoutMs and one signal: pass them to batch',
    )
    return this.#queue.budget
  }

  /** Sends the request when its session lets it. Rejects as `Sender.send` does. */
  async send(request: KeyRequest, budget: Budget): Promise<Answer> {
    const { bucket, sender } = this
    if (this.#queue !== undefined) return this.#queue.add(bucket, request)
    const path = `/v1/kv/${bucket}/${encodeKey(request.key)}`
    if (this.#session.takesAll) return this.#sendInSession(path, request, budget)
    for (;;) {
      const level = request.level ?? this.#levels.find(bucket)
      if (level === 'causal') return this.#sendInSession(path, request, budget)
      if (level !== undefined) return this.#sendNow(path, request, budget, undefined)
      const asking = this.#levels.asking(bucket)
      // The level may turn out to be `causal`, so the request that asks for it belongs to the session.
      if (asking === undefined) {
        return this.#levels.ask(bucket, this.#sendInSession(path, request, budget))
      }
      await sender.within(budget, `${request.method} ${path}`, asking)
    }
  }

  /** Sends a request under a name, by default a new one, so that it takes effect once, however often it is repeated. */
  sendOnce(
    request: KeyRequest,
    budget: Budget,
    name = this.sender.ports.random.name(),
  ): Promise<Answer> {
    const headers = { ...request.headers, 'idempotency-key': name }
    return this.send({ ...request, headers, isRepeatable: true, isRouted: true }, budget)
  }

  /** Reads a counter or a set. Resolves with undefined for an absent key, and with null for an answer without a value. */
  async readTyped(
    key: string,
    level: PlainLevel | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    const budget = this.budget(options)
    const { status, body } = await this.send({ method: 'GET', key, level, isRouted: true }, budget)
    if (status === 404) return undefined
    const { value = null } = (parseJson(body) ?? {}) as { readonly value?: unknown }
    return value
  }

  #sendInSession(path: string, request: KeyRequest, budget: Budget): Promise<Answer> {
    return this.#session.run(this.sender, budget, `${request.method} ${path}`, (token) =>
      this.#sendNow(path, request, budget, token),
    )
  }

  async #sendNow(
    path: string,
    request: KeyRequest,
    budget: Budget,
    session: string | undefined,
  ): Promise<Answer> {
    const { method, level, query = {}, body, isRepeatable = false, isRouted = false } = request
    const answer = await this.sender.send(
      {
        method,
        path,
        query: { ...query, ...(level === undefined ? {} : { consistency: level }) },
        headers: given({ ...request.headers, 'quorate-session': session }),
        body,
        isRepeatable,
        isRouted,
        statuses: statusesOf(method),
        isDoneByStatus: method !== 'GET',
      },
      budget,
    )
    if (level === undefined) {
      this.#levels.learn(this.bucket, answer.headers.get('quorate-consistency'))
    }
    return answer
  }
}

/** Of the answers to a request about a key. All other statuses are failures. */
export function statusesOf(method: KeyRequest['method']): readonly number[] {
  return method === 'GET' ? READ_STATUSES : WRITE_STATUSES
}

export function ttlQuery(ttlSeconds: number | undefined): Record<string, string> {
  return ttlSeconds === undefined ? {} : { ttl: String(ttlSeconds) }
}

export function toldBy({ headers }: Answer): Told {
  const counts = headers.get('quorate-quorum') ?? ''
  const count = (name: string): number =>
    Number(new RegExp(`\\b${name}=([0-9]+)`).exec(counts)?.[1] ?? 0)
  return {
    node: headers.get('quorate-coordinator') ?? '',
    level: (headers.get('quorate-consistency') ?? '') as Level,
    quorum: { need: count('need'), got: count('got'), hinted: count('hinted') },
  }
}

export function writtenBy(answer: Answer): Written {
  const { headers, status } = answer
  const siblings = headers.get('quorate-siblings')
  const existed = headers.get('quorate-existed')
  return {
    ...toldBy(answer),
    isStored: status !== 202,
    context: headers.get('quorate-context') ?? undefined,
    etag: headers.get('etag') ?? undefined,
    siblings: siblings === null ? undefined : Number(siblings),
    existed: existed === null ? undefined : existed === 'true',
  }
}

/** Returns `name`, or throws TypeError. */
export function checkBucketName(name: string): string {
  assertUsage(BUCKET_NAME.test(name), `${JSON.stringify(name)} is not the name of a bucket`)
  return name
}

/** Returns `key`, or throws TypeError. */
export function checkKey(key: string): string {
  assertUsage(
    key.isWellFormed(),
    'the key has half of a surrogate pair, which UTF-8 cannot express',
  )
  assertUsage(key !== '', 'the key is empty')
  return key
}

/**
 * The key as a path. `fetch` removes the segments `.` and `..`, encoded or not, so a key with such a segment is sent as
 * one segment. Slashes are kept otherwise, because some proxies refuse encoded ones.
 */
export function encodeKey(key: string): string {
  checkKey(key)
  assertUsage(key !== '.' && key !== '..', `fetch cannot send the key ${JSON.stringify(key)}`)
  const segments = key.split('/')
  const isRemoved = segments.some((segment) => segment === '.' || segment === '..')
  return isRemoved ? encodeURIComponent(key) : segments.map(encodeURIComponent).join('/')
}

/** Without the headers that are undefined. */
export function given(
  headers: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
}
