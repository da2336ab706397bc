/**
 * The audit log: one JSON line for each request that writes, changes the cluster, saves a backup, or is refused for want
 * of a right. A line never has a value or a token. Refusals of one token beyond a quota share a line.
 *
 * Invariant: a line is ASCII without control characters, so no text of a client can end it or begin another one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { AuditedOperation, OperationAudit } from '../access/request-gate.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { KV_PREFIX, parseKvTarget } from '../http/kv-path.ts'
import { parseTarget } from '../http/request-target.ts'
import { onceClosed } from '../http/response-end.ts'
import type { EndpointFinder } from '../observed/endpoint-finder.ts'
import { outcomeOf, type RequestOutcome } from '../observed/request-outcome.ts'
import { traceIdOf } from '../trace/request-trace.ts'
import { type Refused, RefusalQuotas } from './refusal-quotas.ts'

/** Takes a line with its end, or drops it: then it returns false. Never throws, never waits. */
export type AuditSink = (line: string) => boolean

export interface AuditParts {
  readonly node: string
  readonly sink: AuditSink
  readonly clock: Clock
  readonly timers: Timers
  readonly metrics: Metrics
  readonly finder: EndpointFinder
  /** Whether the node asks for tokens. Then a request without one is a stranger's, and changes nothing. */
  readonly asksForTokens: boolean
  /** The name of the token that the gate has found; null if there is none. */
  readonly callerName: (request: IncomingMessage) => string | null
  /** The id that the answer to the request has. */
  readonly requestIdOf: (request: IncomingMessage) => string
}

interface AuditLine {
  readonly type: 'audit'
  readonly time: string
  readonly node: string
  /** The name of the token; null for a request without a valid one. */
  readonly token: string | null
  /** The other end of the connection, which may be a proxy; null if it has ended before the request was read. */
  readonly address: string | null
  readonly requestId: string
  readonly method: string
  /** The path as the table of endpoints has it; null if it is none of them. */
  readonly route: string | null
  readonly bucket: string | null
  readonly key: string | null
  /** The name of the token that was made or revoked. */
  readonly subject?: string
  /** The operation of a batch. */
  readonly op?: string
  readonly outcome: RequestOutcome
  /** Null if the connection ended before the answer. */
  readonly status: number | null
  /** The trace of the request, if it belongs to one. */
  readonly traceId?: string
}

/** So many refusals of the token were left out since the last such line. */
interface LeftOutLine extends Pick<AuditLine, 'type' | 'time' | 'node' | 'token' | 'outcome'> {
  readonly moreRefused: number
  /** Whether they were refused because of too many requests. */
  readonly isLimited: boolean
}

const SUBJECT = Symbol('what the request is about, besides bucket and key')
const ADDRESS = Symbol('the other end of the connection')
const OPERATION = Symbol('the operation because of which a batch is refused')
type NotedRequest = IncomingMessage & {
  [SUBJECT]?: string
  [ADDRESS]?: string | null
  [OPERATION]?: AuditedOperation
  originalUrl?: string
}

/** How long refusals without a line are counted before the count is written. */
const COUNTING_MS = 1000

/** The statuses of refusals for want of a token or a right, because of a web page or a host, or of too many requests. */
const REFUSED: readonly number[] = [401, 403, 421, 429]
const LIMITED = 429
/** A longer text is no key, and is cut. */
const TEXT_CHARACTERS_MAX = 1024

/** Names the token that the request makes or revokes. */
export function noteSubject(request: IncomingMessage, name: string): void {
  ;(request as NotedRequest)[SUBJECT] = name
}

export class AuditTrail implements OperationAudit {
  readonly #parts: AuditParts
  readonly #quotas = new RefusalQuotas()
  #counting: Timer | undefined

  constructor(parts: AuditParts) {
    this.#parts = parts
  }

  /** Call when the request arrives. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    // A closed connection no longer knows it.
    ;(request as NotedRequest)[ADDRESS] = request.socket.remoteAddress ?? null
    onceClosed(response, () => this.#ended(request, response))
  }

  operation(request: IncomingMessage, { op, bucket, key }: AuditedOperation, status: number): void {
    if (op === 'get' && !REFUSED.includes(status)) return
    this.#write(request, { route: '/v1/batch', bucket, key, op, status })
  }

  refusedFor(request: IncomingMessage, operation: AuditedOperation): void {
    ;(request as NotedRequest)[OPERATION] = operation
  }

  /** Writes what is counted. No line of a refusal follows. */
  stop(): void {
    this.#counting?.cancel()
    this.#writeCounts()
  }

  #ended(request: IncomingMessage, response: ServerResponse): void {
    const status = response.headersSent ? response.statusCode : null
    // The server may have rewritten the target for its router.
    const { originalUrl, url = '', [OPERATION]: operation } = request as NotedRequest
    const { path } = parseTarget(originalUrl ?? url)
    const [fixed = ''] = path.split('?', 1)
    const endpoint = this.#parts.finder.find(request.method ?? '', fixed)
    const isRefused = status !== null && REFUSED.includes(status)
    if (!isRefused && !isAudited(endpoint, status)) return
    const { bucket, key } = operation ?? placeOf(endpoint, path, fixed)
    const op = operation === undefined ? {} : { op: operation.op }
    this.#write(request, { route: endpoint?.path ?? null, bucket, key, status, ...op })
  }

  #write(
    request: IncomingMessage,
    told: Pick<AuditLine, 'route' | 'bucket' | 'key' | 'status'> & { readonly op?: string },
  ): void {
    const { asksForTokens, callerName, requestIdOf } = this.#parts
    const { [SUBJECT]: subject, [ADDRESS]: address = null } = request as NotedRequest
    const { status, route, bucket, key, op } = told
    const token = callerName(request)
    const isStranger = asksForTokens && token === null
    const isRefused = isStranger || (status !== null && REFUSED.includes(status))
    if (isRefused && !this.#hasLine({ token, isLimited: status === LIMITED })) return
    const traceId = traceIdOf(request)
    const line: AuditLine = {
      ...this.#start(),
      token,
      address,
      requestId: requestIdOf(request),
      method: request.method ?? '',
      route,
      bucket: bounded(bucket),
      key: bounded(key),
      ...(subject === undefined ? {} : { subject }),
      ...(op === undefined ? {} : { op }),
      outcome: outcomeOf(status),
      status,
      ...(traceId === undefined ? {} : { traceId }),
    }
    this.#give(line)
  }

  /** Whether a refusal has a line. If not, it is counted. */
  #hasLine(refused: Refused): boolean {
    const { clock, timers } = this.#parts
    if (this.#quotas.take(refused, clock.monotonicMs())) return true
    this.#counting ??= timers.after(COUNTING_MS, () => this.#writeCounts())
    return false
  }

  #writeCounts(): void {
    this.#counting = undefined
    for (const { token, isLimited, count } of this.#quotas.takeMore()) {
      const told = { token, outcome: 'rejected', moreRefused: count, isLimited } as const
      this.#give({ ...this.#start(), ...told })
    }
  }

  #start(): Pick<AuditLine, 'type' | 'time' | 'node'> {
    const { node, clock } = this.#parts
    return { type: 'audit', time: new Date(clock.wallMs()).toISOString(), node }
  }

  #give(line: AuditLine | LeftOutLine): void {
    const { sink, metrics } = this.#parts
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

function bounded(text: string | null): string | null {
  return text === null ? null : text.slice(0, TEXT_CHARACTERS_MAX)
}

/** As ASCII. JSON keeps some characters that other programs take for the end of a line. */
function asLine(line: AuditLine | LeftOutLine): string {
  const text = JSON.stringify(line).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
