/** `GET`, `HEAD`, `PUT`, `POST` and `DELETE /v1/kv/{bucket}/{key}`: one request, and one answer on its connection. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import type { Content, Sibling } from '../../core/causality/sibling.ts'
import { type ErrorCode, type ErrorDetails, QuorateError } from '../../core/errors.ts'
import type { Span } from '../../ports/tracer.ts'
import type { ApiContext } from '../http/api-context.ts'
import { answerKvRequest } from './kv-exchange.ts'
import { KV_ENDPOINTS } from './kv-endpoints.ts'
import type { KvOperation } from './kv-parameters.ts'
import type { KvReply } from './kv-reply.ts'
import type { KvRequest } from './kv-request.ts'
import { type KvTarget, parseKvTarget } from '../http/kv-path.ts'
import { respondCode } from '../http/problem.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { type HeaderList, respond, respondPieces } from '../http/respond.ts'
import { bodyOf } from '../http/value-body.ts'
import { siblingList, siblingParts } from './sibling-body.ts'

/** The server routes every target below the prefix here. The request reads the key from the raw target. */
export const KV_ROUTE = '/v1/kv'

export const KV_OPERATIONS: Readonly<Record<string, KvOperation>> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'put',
  POST: 'update',
  DELETE: 'delete',
}

/** A larger body of siblings is sent piece by piece. */
const WHOLE_BODY_BYTES_MAX = 65_536
const NO_BYTES = new Uint8Array(0)

export function addKvRoutes(app: FastifyInstance, api: ApiContext): void {
  app.route({
    method: KV_ENDPOINTS.map(({ method }) => method),
    url: KV_ROUTE,
    config: { endpoints: KV_ENDPOINTS },
    exposeHeadRoute: false,
    bodyLimit: api.maxValueBytes,
    // Fastify does not wait for the answer, because each further promise would cost time.
    handler: (request, reply) =>
      void answerKvRequest(
        api,
        new RoutedRequest(request, api.gate?.blindTokenOf(request.raw), api.spanOf?.(request.raw)),
        new ConnectionReply(api, reply),
      ),
  })
}

class RoutedRequest implements KvRequest {
  readonly op: KvOperation
  readonly blindToken: string | undefined
  readonly span: Span | undefined
  readonly headers: IncomingHttpHeaders
  readonly #request: FastifyRequest

  constructor(request: FastifyRequest, blindToken: string | undefined, span: Span | undefined) {
    this.blindToken = blindToken
    this.span = span
    this.op = KV_OPERATIONS[request.raw.method ?? ''] as KvOperation
    this.headers = request.raw.headers
    this.#request = request
  }

  get id(): string {
    return this.#request.id
  }

  get traceparent(): unknown {
    return this.span?.traceparent ?? this.headers['traceparent']
  }

  get body(): Buffer {
    return bodyOf(this.#request)
  }

  target(): KvTarget {
    return parseKvTarget(this.#request.originalUrl)
  }

  valuesOf(header: string): readonly string[] {
    return this.#request.raw.headersDistinct[header] ?? []
  }

  timeLeftMs(timeoutMs: number): number {
    return timeLeftMs(this.#request, timeoutMs)
  }
}

class ConnectionReply implements KvReply {
  readonly #api: ApiContext
  readonly #reply: FastifyReply

  constructor(api: ApiContext, reply: FastifyReply) {
    this.#api = api
    this.#reply = reply
  }

  empty(status: 202 | 204 | 304, headers: HeaderList): void {
    respond(this.#reply, status, headers, status === 202 ? NO_BYTES : undefined)
  }

  value(headers: HeaderList, { contentType, value }: Content): void {
    headers.push('Content-Type', contentType)
    this.#takeRoom(value.byteLength)
    respond(this.#reply, 200, withContentPolicy(headers), value)
  }

  siblings(headers: HeaderList, siblings: readonly Sibling[]): void {
    const { accept = '' } = this.#reply.request.raw.headers
    const wantsParts = /\bmultipart\/(mixed|\*)/i.test(accept)
    const { contentType, pieces } = wantsParts ? siblingParts(siblings) : siblingList(siblings)
    headers.push('Content-Type', contentType)
    const bytes = siblings.reduce((sum, { value }) => sum + value.byteLength, 0)
    if (bytes > WHOLE_BODY_BYTES_MAX) {
      this.#takeRoom(bytes)
      respondPieces(this.#reply, 300, withContentPolicy(headers), pieces)
      return
    }
    const whole = Buffer.concat([...pieces].map((piece) => Buffer.from(piece as string)))
    respond(this.#reply, 300, withContentPolicy(headers), whole)
  }

  json(headers: HeaderList, value: string): void {
    headers.push('Content-Type', 'application/json')
    respond(this.#reply, 200, withContentPolicy(headers), Buffer.from(`{"value":${value}}\n`))
  }

  problem(code: ErrorCode, detail: string, details: ErrorDetails, headers: HeaderList): void {
    try {
      respondCode(this.#reply, code, detail, details, headers)
    } catch (failure) {
      // Perhaps the head is sent. Then only the end of the connection can tell the client.
      this.#api.onInternalError(failure, this.#reply.request.id)
      this.#reply.raw.destroy()
    }
  }

  /** Takes room for the values, because they stay in memory until a slow reader has taken them all. */
  #takeRoom(bytes: number): void {
    const { raw, request } = this.#reply
    if (request.raw.method === 'HEAD' || this.#api.answers.takeFor(raw, bytes)) return
    throw new QuorateError(
      'overloaded',
      `There is no room for an answer of ${bytes} bytes beside those that are being sent.`,
    )
  }
}

/** Any client may have written the value, so a browser must neither guess its type nor run scripts in it. */
function withContentPolicy(headers: HeaderList): HeaderList {
  headers.push('X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', 'sandbox')
  return headers
}
