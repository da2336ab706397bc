/**
 * The audit log: one JSON line for each request that writes, changes the cluster, saves a backup, or is refused for want
 * of a right. A line never has a value or a token.
 *
 * Invariant: a line is ASCII without control characters, so no text of a client can end it or begin another one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { OperationAudit } from '../access/request-gate.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { KV_PREFIX, parseKvTarget } from '../http/kv-path.ts'
import { parseTarget } from '../http/request-target.ts'
import { onceClosed } from '../http/response-end.ts'

/** Takes a line with its end, or drops it: then it returns false. Never throws, never waits. */
export type AuditSink = (line: string) => boolean

export interface AuditParts {
  readonly node: string
  readonly sink: AuditSink
  readonly clock: Clock
  readonly metrics: Metrics
  readonly endpoints: readonly Endpoint[]
  /** The name of the token that the gate has found; null if there is none. */
  readonly callerName: (request: IncomingMessage) => string | null
}

interface AuditLine {
  readonly type: 'audit'
  readonly time: string
  readonly node: string
  /** The name of the token; null for a request without a valid one. */
  readonly token: string | null
  readonly method: string
  /** The path as the table of endpoints has it; null if it is none of them. */
  readonly route: string | null
  readonly bucket: string | null
  readonly key: string | null
  /** The name of the token that was made or revoked. */
  readonly subject?: string
  /** The operation of a batch. */
  readonly op?: string
  readonly outcome: 'done' | 'rejected' | 'unknown'
  /** Null if the connection ended before the answer. */
  readonly status: number | null
}

const SUBJECT = Symbol('what the request is about, besides bucket and key')
type NotedRequest = IncomingMessage & { [SUBJECT]?: string; originalUrl?: string }

/** The statuses of refusals for want of a token or a right, or because of a web page or a host. */
const REFUSED: readonly number[] = [401, 403, 421]
/** Statuses whose outcome is unknown in the catalogue of errors. */
const UNKNOWN: readonly number[] = [500, 504]
/** A longer text is no key, and is cut. */
const TEXT_CHARACTERS_MAX = 1024

/** Names the token that the request makes or revokes. */
export function noteSubject(request: IncomingMessage, name: string): void {
  ;(request as NotedRequest)[SUBJECT] = name
}

export class AuditTrail implements OperationAudit {
  readonly #parts: AuditParts
  readonly #patterns: readonly { readonly endpoint: Endpoint; readonly pattern: RegExp }[]

  constructor(parts: AuditParts) {
    this.#parts = parts
    this.#patterns = parts.endpoints.map((endpoint) => ({ endpoint, pattern: patternOf(endpoint) }))
  }

  /** Call when the request arrives. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    onceClosed(response, () => this.#ended(request, response))
  }

  operation(
    request: IncomingMessage,
    { op, bucket, key }: Parameters<OperationAudit['operation']>[1],
    status: number,
  ): void {
    if (op === 'get' && !REFUSED.includes(status)) return
    this.#write(request, { route: '/v1/batch', bucket, key, op, status })
  }

  #ended(request: IncomingMessage, response: ServerResponse): void {
    const status = response.headersSent ? response.statusCode : null
    // The server may have rewritten the target for its router.
    const { originalUrl, url = '' } = request as NotedRequest
    const { path } = parseTarget(originalUrl ?? url)
    const [fixed = ''] = path.split('?', 1)
    const endpoint = this.#endpointOf(request.method ?? '', fixed)
    const isRefused = status !== null && REFUSED.includes(status)
    if (!isRefused && !isAudited(endpoint, status)) return
    const { bucket, key } = placeOf(endpoint, path, fixed)
    this.#write(request, { route: endpoint?.path ?? null, bucket, key, status })
  }

  #endpointOf(method: string, path: string): Endpoint | undefined {
    const there = this.#patterns.filter(({ pattern }) => pattern.test(path))
    const wanted = method === 'HEAD' ? ['HEAD', 'GET'] : [method]
    return there.find(({ endpoint }) => wanted.includes(endpoint.method))?.endpoint
  }

  #write(
    request: IncomingMessage,
    told: Pick<AuditLine, 'route' | 'bucket' | 'key' | 'status'> & { readonly op?: string },
  ): void {
    const { node, clock, metrics, sink, callerName } = this.#parts
    const { [SUBJECT]: subject } = request as NotedRequest
    const { status, route, bucket, key, op } = told
    const line: AuditLine = {
      type: 'audit',
      time: new Date(clock.wallMs()).toISOString(),
      node,
      token: callerName(request),
      method: request.method ?? '',
      route,
      bucket: bounded(bucket),
      key: bounded(key),
      ...(subject === undefined ? {} : { subject }),
      ...(op === undefined ? {} : { op }),
      outcome: outcomeOf(status),
      status,
    }
    if (!sink(asLine(line))) metrics.count('audit_lines_dropped_total')
  }
}

function isAudited(endpoint: Endpoint | undefined, status: number | null): boolean {
  if (endpoint === undefined) return false
  if (endpoint.id === 'getBackup') return true
  if (endpoint.method === 'GET' || endpoint.method === 'HEAD') return false
  // Each operation of a batch has a line of its own, unless the whole batch is refused.
  return endpoint.access.over !== 'operations' || status !== 200
}

function placeOf(
  endpoint: Endpoint | undefined,
  target: string,
  path: string,
): Pick<AuditLine, 'bucket' | 'key'> {
  if (path.startsWith(KV_PREFIX)) {
    try {
      const { bucket, key } = parseKvTarget(target)
      return { bucket, key }
    } catch {
      return { bucket: null, key: null }
    }
  }
  const at = endpoint?.path.split('/').indexOf('{bucket}') ?? -1
  return { bucket: at < 0 ? null : (path.split('/')[at] ?? null), key: null }
}

function outcomeOf(status: number | null): AuditLine['outcome'] {
  if (status === null || UNKNOWN.includes(status)) return 'unknown'
  return status < 400 ? 'done' : 'rejected'
}

function bounded(text: string | null): string | null {
  return text === null ? null : text.slice(0, TEXT_CHARACTERS_MAX)
}

/** As ASCII. JSON keeps some characters that other programs take for the end of a line. */
function asLine(line: AuditLine): string {
  const text = JSON.stringify(line).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}

function patternOf({ path }: Endpoint): RegExp {
  const text = path.replaceAll('.', String.raw`\.`).replace('{key}', '.+')
  return new RegExp(`^${text.replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`)
}
