/** Writes spans as OTLP does in JSON: ids as hexadecimal digits, 64-bit numbers as text, kinds as numbers. */
import type { SpanAttributes } from '../../ports/tracer.ts'
import type { RecordedSpan, SpanKind } from './recording-tracer.ts'

export interface SpanSource {
  /** What all spans of this process have in common. */
  readonly resource: SpanAttributes
  /** The version of this program. */
  readonly version: string
}

/** The body of an ExportTraceServiceRequest. */
export function otlpBody(
  { resource, version }: SpanSource,
  spans: readonly RecordedSpan[],
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'quorate', version }, spans: spans.map(spanOf) }],
      },
    ],
  })
}

function spanOf(span: RecordedSpan): object {
  const { traceId, spanId, parentId, tracestate, name, kind, startMs, endMs, error } = span
  const attributes = error === undefined ? span.attributes : withError(span.attributes, error)
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    ...(tracestate === '' ? {} : { traceState: tracestate }),
    flags: span.flags | HAS_IS_REMOTE | (span.isParentRemote ? IS_REMOTE : 0),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes),
    ...(error === undefined ? {} : { status: { code: STATUS_ERROR } }),
  }
}

function withError(attributes: SpanAttributes, error: string): SpanAttributes {
  return { ...attributes, 'error.type': error }
}

function attributesOf(attributes: SpanAttributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))
}

function valueOf(value: SpanAttributes[string]): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** Whole microseconds: the nanoseconds since 1970 do not fit into a number. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}

const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 }
const STATUS_ERROR = 2
/** Bits of `flags` that say where the parent is. */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200
