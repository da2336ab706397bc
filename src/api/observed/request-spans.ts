/**
 * Traces the requests of clients: one span from the arrival of a request to the end of its answer. Probes, pages, the lab
 * and live events have no spans. A stranger's request, which a node that asks for tokens refuses, is not recorded.
 *
 * Invariant: a span has the name of a bucket only if that bucket exists. Apart from that and the headers of W3C Trace
 * Context, no text of a client becomes part of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeService } from '../../node/service/service.ts'
import type { Span, Tracer } from '../../ports/tracer.ts'
import { GET_EVENTS } from '../events/event-endpoint.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { parseTarget } from '../http/request-target.ts'
import { onceClosed } from '../http/response-end.ts'
import { GET_LAB } from '../lab/lab-endpoints.ts'
import type { EndpointFinder } from './endpoint-finder.ts'
import { outcomeOf } from './request-outcome.ts'
import { keepTrace } from '../trace/request-trace.ts'

export interface RequestSpanParts {
  readonly tracer: Tracer
  readonly finder: EndpointFinder
  readonly service: Pick<NodeService, 'bucket'>
  /** Whether the node asks for tokens, and has found none of this request by now. */
  readonly isStranger: (request: IncomingMessage) => boolean
}

const UNTRACED: readonly Endpoint['tag'][] = ['health', 'about']

export class RequestSpans {
  readonly #parts: RequestSpanParts

  constructor(parts: RequestSpanParts) {
    this.#parts = parts
  }

  /** Call when the request arrives. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    const { tracer, finder, isStranger } = this.#parts
    const { traceparent, tracestate } = request.headers
    const span = tracer.begin({
      traceparent: oneText(traceparent),
      tracestate: oneText(tracestate),
    })
    if (span === undefined) return
    const { method = '', url = '' } = request
    const [path = ''] = parseTarget(url).path.split('?', 1)
    // A span that does not end is not recorded.
    if (this.#isUntraced(path)) return
    const endpoint = finder.find(method, path)
    // Otherwise strangers could fill the queue of the spans, and choose how much the collector gets.
    const isRecorded = (): boolean => !isStranger(request)
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      if (!isRecorded()) return
      this.#tellPlace(span, endpoint, path)
      tellEnd(span, endpoint, response)
    }
    keepTrace(request, { span, isRecorded, end })
    onceClosed(response, end)
  }

  /** Whatever the method is. */
  #isUntraced(path: string): boolean {
    if (path.startsWith(GET_LAB.path)) return true
    const there = this.#parts.finder.at(path)
    return there.some((endpoint) => endpoint === GET_EVENTS || UNTRACED.includes(endpoint.tag))
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
