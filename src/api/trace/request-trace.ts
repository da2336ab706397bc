/** Keeps the span of a traced request with the request, so that its answer and its log lines can name the trace. */
import type { IncomingMessage } from 'node:http'
import { traceIdIn } from '../../core/trace/trace-context.ts'
import type { Span } from '../../ports/tracer.ts'

interface RequestTrace {
  readonly span: Span
  /** Whether the span will be recorded, as far as is known by now. */
  readonly isRecorded: () => boolean
  /** Ends the span, unless it has ended. */
  readonly end: () => void
}

const TRACE = Symbol('the trace of the request')
type TracedRequest = IncomingMessage & { [TRACE]?: RequestTrace }

export function keepTrace(request: IncomingMessage, trace: RequestTrace): void {
  ;(request as TracedRequest)[TRACE] = trace
}

/** Undefined if the request is not traced. */
export function spanOf(request: IncomingMessage): Span | undefined {
  return (request as TracedRequest)[TRACE]?.span
}

/** The id of the trace to which the request belongs, also if no span of it is recorded here. */
export function traceIdOf(request: IncomingMessage): string | undefined {
  const { [TRACE]: trace, headers } = request as TracedRequest
  const own = trace?.isRecorded() === true ? trace.span.traceparent : undefined
  return traceIdIn(own ?? headers['traceparent'])
}

/** Ends the span of a request whose answer goes on for as long as the client likes. */
export function endSpan(request: IncomingMessage): void {
  ;(request as TracedRequest)[TRACE]?.end()
}
