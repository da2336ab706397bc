/**
 * One node of the store as an HTTP client sees it, with what each answer says about the outcome: `ok`, `fail`
 * (certainly not applied, or only a read), or `info` (not known). When in doubt, `info`: to call a write failed
 * that may yet apply would make the checker blame the store for the harness's mistake.
 */
import { Pool } from 'undici'

/** The deadline that each data request gives the store: past it, nothing of the request may apply. */
export const STORE_TIMEOUT_MS = 2_000
/** Above the store's deadline, so that its problem document arrives where it can answer at all. */
const REQUEST_TIMEOUT_MS = 4_000
const CONNECT_TIMEOUT_MS = 1_000
/** Connections a node; each client has one request open at a time. */
const CONNECTIONS_MAX = 64

export interface Endpoint {
  readonly node: string
  readonly url: string
}

export interface KeyAddress {
  readonly bucket: string
  readonly key: string
  readonly consistency: string
}

export type ReadEnding =
  | {
      readonly type: 'ok'
      readonly values: readonly string[]
      readonly context: string | undefined
    }
  | { readonly type: 'fail'; readonly error: string }

export type WriteEnding =
  /** `context` is for the next write of the key; `siblings` how many values were left, 0 where not told. */
  | { readonly type: 'ok'; readonly context: string | undefined; readonly siblings: number }
  | { readonly type: 'fail' | 'info'; readonly error: string }

/** Errors that come before a single byte was sent. */
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

  constructor(endpoint: Endpoint) {
    this.node = endpoint.node
    this.#pool = new Pool(endpoint.url, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    })
  }

  /** The values of a key: none where it is absent, several where it has siblings. */
  async read(address: KeyAddress): Promise<ReadEnding> {
    try {
      const { status, text, context } = await this.#request('GET', pathOf(address))
      if (status === 404 && codeOf(text) === 'key_absent')
        return { type: 'ok', values: [], context }
      if (status === 200) return { type: 'ok', values: [text], context }
      if (status === 300) return { type: 'ok', values: siblingsOf(text), context }
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

  /** Without a context whatever is there is deleted. */
  async delete(address: KeyAddress, context: string | undefined): Promise<WriteEnding> {
    return this.#change('DELETE', address, undefined, context)
  }

  /** An update of a counter or a set. */
  async update(address: KeyAddress, change: unknown): Promise<WriteEnding> {
    return this.#change('POST', address, JSON.stringify(change), undefined)
  }

  /** Creates a bucket, unless the same one is there. Errors: the store refuses, or does not answer. */
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
  ): Promise<WriteEnding> {
    try {
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const seen = context === undefined ? {} : { 'quorate-context': context }
      const {
        status,
        text,
        context: after,
        siblings,
      } = await this.#request(method, pathOf(address), {
        headers: { ...type, ...seen },
        ...(body === undefined ? {} : { body }),
      })
      if (status >= 200 && status < 300) return { type: 'ok', context: after, siblings }
      return {
        type: outcomeOf(text) === 'rejected' ? 'fail' : 'info',
        error: errorOf(status, text),
      }
    } catch (error) {
      return { type: NOTHING_SENT.has(errnoOf(error)) ? 'fail' : 'info', error: reasonOf(error) }
    }
  }

  /** A request outside the data, such as health. Errors: whatever undici throws. */
  async ask(
    method: 'GET' | 'POST',
    path: string,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<{ status: number; json: unknown }> {
    const { status, text } = await this.#request(method, path, { timeoutMs })
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
      headers,
      body: body ?? null,
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await answer.body.text()
    const { 'quorate-context': context, 'quorate-siblings': siblings } = answer.headers
    return {
      status: answer.statusCode,
      text,
      context: typeof context === 'string' ? context : undefined,
      siblings: typeof siblings === 'string' ? Number(siblings) : 0,
    }
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly context: string | undefined
  readonly siblings: number
}

function pathOf({ bucket, key, consistency }: KeyAddress): string {
  const encoded = key.split('/').map(encodeURIComponent).join('/')
  return `/v1/kv/${bucket}/${encoded}?consistency=${consistency}&timeout=${STORE_TIMEOUT_MS}`
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
