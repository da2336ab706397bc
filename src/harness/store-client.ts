/**
 * An HTTP client of one node of the store. It classifies each outcome as `ok`, `fail` (certainly not applied, or only a
 * read), or `info` (unknown). In doubt it says `info`: if it called a write failed that may still apply, the checker
 * would blame the store for the harness's mistake.
 */
import { Pool } from 'undici'
import { MISMATCH } from '../checker/history/history.ts'
import { bearer } from '../command-line/token.ts'

/** The timeout that each data request gives the store. After it, nothing of the request may apply. */
export const STORE_TIMEOUT_MS = 2_000
/** Above the store's timeout, so that its problem document still arrives. */
const REQUEST_TIMEOUT_MS = 4_000
const CONNECT_TIMEOUT_MS = 1_000
/** Connections to one node; each client has one request open at a time. */
const CONNECTIONS_MAX = 64

export interface Endpoint {
  readonly node: string
  readonly url: string
}

export interface KeyAddress {
  readonly bucket: string
  readonly key: string
  readonly consistency: string
  /** The session that the request is part of. */
  readonly session?: string | undefined
  /** For a read: return the newest value instead of siblings. */
  readonly newest?: boolean
}

export type ReadEnding =
  | {
      readonly type: 'ok'
      readonly values: readonly string[]
      readonly context: string | undefined
      /** The ETag of the value; undefined if the key is absent. */
      readonly etag: string | undefined
      readonly session: string | undefined
    }
  | { readonly type: 'fail'; readonly error: string }

export type WriteEnding =
  /**
   * `context` is for the next write of the key. `siblings` is the number of values left, or 0 if the answer omits it.
   */
  | {
      readonly type: 'ok'
      readonly context: string | undefined
      readonly siblings: number
      readonly session: string | undefined
    }
  | { readonly type: 'fail' | 'info'; readonly error: string }

/** Errors that occur before any byte was sent. */
const NOTHING_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

export class StoreClient {
  readonly node: string
  readonly #pool: Pool

  readonly #token: string | undefined

  /** `token`: for nodes with QUORATE_AUTH=on. */
  constructor(endpoint: Endpoint, token?: string) {
    this.node = endpoint.node
    this.#token = token
    this.#pool = new Pool(endpoint.url, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    })
  }

  /** The values of a key: none if it is absent, several if it has siblings. */
  async read(address: KeyAddress): Promise<ReadEnding> {
    try {
      const { status, text, context, etag, session } = await this.#request('GET', pathOf(address), {
        headers: sessionHeader(address),
      })
      const read = { type: 'ok', context, etag, session } as const
      if (status === 404 && codeOf(text) === 'key_absent') return { ...read, values: [] }
      if (status === 200) return { ...read, values: [text] }
      if (status === 300) return { ...read, values: siblingsOf(text) }
      return { type: 'fail', error: errorOf(status, text) }
    } catch (error) {
      return { type: 'fail', error: reasonOf(error) }
    }
  }

  /** Without a context the write is blind. */
  async write(
    address: KeyAddress,
    value: string,
    context: string | undefined,
  ): Promise<WriteEnding> {
    return this.#change('PUT', address, value, context)
  }

  /**
   * Writes only if the key still has that ETag, or, with undefined, if the key is absent. Otherwise `fail` with the
   * error MISMATCH.
   */
  async writeIf(
    address: KeyAddress,
    value: string,
    etag: string | undefined,
  ): Promise<WriteEnding> {
    const condition = etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag }
    return this.#change('PUT', address, value, undefined, condition)
  }

  /** Without a context, deletes every value of the key. */
  async delete(address: KeyAddress, context: string | undefined): Promise<WriteEnding> {
    return this.#change('DELETE', address, undefined, context)
  }

  /** Updates a counter or a set. The idempotency key is for counters. */
  async update(
    address: KeyAddress,
    change: unknown,
    idempotencyKey?: string,
  ): Promise<WriteEnding> {
    const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
    return this.#change('POST', address, JSON.stringify(change), undefined, headers)
  }

  /** The mode of the bucket. Rejects if there is no such bucket, or no answer. */
  async modeOf(bucket: string): Promise<string> {
    const { status, json } = await this.ask('GET', `/v1/buckets/${bucket}`)
    if (status === 200 && isRecord(json) && typeof json['mode'] === 'string') return json['mode']
    throw new Error(`${this.node} does not describe the bucket ${bucket}: ${status}`)
  }

  /** Creates a bucket, unless the same one exists. Rejects if the store refuses or does not answer. */
  async createBucket(name: string, mode: string): Promise<void> {
    const { status, text } = await this.#request('PUT', `/v1/buckets/${name}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ mode }),
    })
    if (status === 200 || status === 201) return
    throw new Error(`${this.node} did not create the bucket ${name}: ${errorOf(status, text)}`)
  }

  async #change(
    method: 'PUT' | 'POST' | 'DELETE',
    address: KeyAddress,
    body: string | undefined,
    context: string | undefined,
    more: Record<string, string> = {},
  ): Promise<WriteEnding> {
    try {
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const seen = context === undefined ? {} : { 'quorate-context': context }
      const {
        status,
        text,
        context: after,
        siblings,
        session,
      } = await this.#request(method, pathOf(address), {
        headers: { ...type, ...seen, ...more, ...sessionHeader(address) },
        ...(body === undefined ? {} : { body }),
      })
      if (status >= 200 && status < 300) return { type: 'ok', context: after, siblings, session }
      if (status === 412) return { type: 'fail', error: MISMATCH }
      return {
        type: outcomeOf(text) === 'rejected' ? 'fail' : 'info',
        error: errorOf(status, text),
      }
    } catch (error) {
      return { type: NOTHING_SENT.has(errnoOf(error)) ? 'fail' : 'info', error: reasonOf(error) }
    }
  }

  /** Sends a request that is not about data, such as a health check. Rejects with errors of undici. */
  async ask(
    method: 'GET' | 'POST',
    path: string,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<{ status: number; json: unknown }> {
    const { status, text } = await this.#request(method, path, { timeoutMs })
    return { status, json: parse(text) }
  }

  async post(
    path: string,
    body: object,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<{ status: number; json: unknown }> {
    const headers = { 'content-type': 'application/json' }
    const sent = { timeoutMs, headers, body: JSON.stringify(body) }
    const { status, text } = await this.#request('POST', path, sent)
    return { status, json: parse(text) }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #request(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    options: { headers?: Record<string, string>; body?: string; timeoutMs?: number } = {},
  ): Promise<Answer> {
    const { headers = {}, body, timeoutMs = REQUEST_TIMEOUT_MS } = options
    const answer = await this.#pool.request({
      method,
      path,
      headers: { ...headers, ...bearer(this.#token) },
      body: body ?? null,
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await answer.body.text()
    const { 'quorate-siblings': siblings } = answer.headers
    const headerOf = (name: string): string | undefined => {
      const header = answer.headers[name]
      return typeof header === 'string' ? header : undefined
    }
    return {
      status: answer.statusCode,
      text,
      context: headerOf('quorate-context'),
      etag: headerOf('etag'),
      session: headerOf('quorate-session'),
      siblings: typeof siblings === 'string' ? Number(siblings) : 0,
    }
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly context: string | undefined
  readonly etag: string | undefined
  readonly session: string | undefined
  readonly siblings: number
}

function sessionHeader({ session }: KeyAddress): Record<string, string> {
  return session === undefined ? {} : { 'quorate-session': session }
}

function pathOf({ bucket, key, consistency, newest = false }: KeyAddress): string {
  const encoded = key.split('/').map(encodeURIComponent).join('/')
  return `/v1/kv/${bucket}/${encoded}?consistency=${consistency}&timeout=${STORE_TIMEOUT_MS}${newest ? '&resolve=lww' : ''}`
}

function siblingsOf(text: string): string[] {
  const body = parse(text)
  const siblings =
    isRecord(body) && Array.isArray(body['siblings']) ? (body['siblings'] as unknown[]) : undefined
  if (siblings === undefined) throw new Error('a 300 without a list of siblings')
  return siblings.map((sibling) => {
    if (isRecord(sibling) && typeof sibling['value'] === 'string') return sibling['value']
    if (isRecord(sibling) && typeof sibling['valueBase64'] === 'string') {
      return Buffer.from(sibling['valueBase64'], 'base64').toString()
    }
    throw new Error('a sibling without a value')
  })
}

function outcomeOf(text: string): unknown {
  const problem = parse(text)
  return isRecord(problem) ? problem['outcome'] : undefined
}

function codeOf(text: string): unknown {
  const problem = parse(text)
  return isRecord(problem) ? problem['code'] : undefined
}

function errorOf(status: number, text: string): string {
  const code = codeOf(text)
  return typeof code === 'string' ? `${status} ${code}` : `${status}`
}

function errnoOf(error: unknown): string {
  return isRecord(error) && typeof error['code'] === 'string' ? error['code'] : ''
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  return errnoOf(error) || (error instanceof Error ? error.message : String(error))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Not JSON: the callers take any shape.
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
