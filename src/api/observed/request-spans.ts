/**
 * Traces the requests of clients: one span from the arrival of a request to the end of its answer. Probes, pages and the
 * lab have no spans.
 *
 * Invariant: a span has the name of a bucket only if that bucket exists. Nothing else of the path, the headers or the
 * body becomes part of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { traceIdIn } from '../../core/trace/trace-context.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { Span, Tracer } from '../../ports/tracer.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { parseTarget } from '../http/request-target.ts'
import { onceClosed } from '../http/response-end.ts'
import type { EndpointFinder } from './endpoint-finder.ts'
import { outcomeOf } from './request-outcome.ts'

export interface RequestSpanParts {
  readonly tracer: Tracer
  readonly finder: EndpointFinder
  readonly service: Pick<NodeService, 'bucket'>
}

const SPAN = Symbol('the span of the request')
type TracedRequest = IncomingMessage & { [SPAN]?: Span }

const UNTRACED: readonly Endpoint['tag'][] = ['health', 'about']

/** The id of the trace to which the request belongs, also if no span of it is recorded here. */
export function traceIdOf(request: IncomingMessage): string | undefined {
  return traceIdIn(spanOf(request)?.traceparent ?? request.headers['traceparent'])
}

/** Undefined if the request is not traced. */
export function spanOf(request: IncomingMessage): Span | undefined {
  return (request as TracedRequest)[SPAN]
}

export class RequestSpans {
  readonly #parts: RequestSpanParts

  constructor(parts: RequestSpanParts) {
    this.#parts = parts
  }

  /** Call when the request arrives. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    const { tracer, finder } = this.#parts
    const { traceparent, tracestate } = request.headers
    const span = tracer.begin({
      traceparent: oneText(traceparent),
      tracestate: oneText(tracestate),
    })
    if (span === undefined) return
    const { method = '', url = '' } = request
    const [path = ''] = parseTarget(url).path.split('?', 1)
    const endpoint = finder.find(method, path)
    // A span that does not end is not recorded.
    if (endpoint !== undefined && UNTRACED.includes(endpoint.tag)) return
    ;(request as TracedRequest)[SPAN] = span
    onceClosed(response, () => {
      this.#tellPlace(span, endpoint, path)
      tellEnd(span, endpoint, response)
    })
  }

  #tellPlace(span: Span, endpoint: Endpoint | undefined, path: string): void {
    if (endpoint === undefined) return
    span.add({ 'http.request.method': endpoint.method, 'http.route': endpoint.path })
    const at = endpoint.path.split('/').indexOf('{bucket}')
    const bucket = at < 0 ? undefined : this.#parts.service.bucket(path.split('/')[at] ?? '')
    if (bucket !== undefined) span.add({ 'quorate.bucket': bucket.name })
  }
}

function tellEnd(span: Span, endpoint: Endpoint | undefined, response: ServerResponse): void {
  const status = response.headersSent ? response.statusCode : null
  span.add({
    'quorate.outcome': outcomeOf(status),
    ...(status === null ? {} : { 'http.response.status_code': status }),
  })
  const name = endpoint === undefined ? 'no such path' : `${endpoint.method} ${endpoint.path}`
  const isError = status === null || status >= 500
  span.end({ name, ...(isError ? { error: status === null ? 'cut_off' : String(status) } : {}) })
}

/** Node.js joins repeated headers of this kind with commas. */
function oneText(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
