/**
 * Records *spans*: which part of a client's request took how long, at which node, and how it ended. A node without a tracer
 * records none, and pays one comparison for each.
 *
 * Names and attributes come from closed sets, or are names of nodes and buckets: never a key, a value, a token, or any
 * other text of a client.
 */
export interface Tracer {
  /** Begins the span of a client's request. Undefined if the request is not recorded. */
  begin(sent: SentTrace): Span | undefined
  /** Begins the span of a peer's ask. Undefined if the context is not that of a recorded request. */
  join(sent: SentTrace, name: string, attributes: SpanAttributes): Span | undefined
}

/** The headers of W3C Trace Context, as another program has sent them. They may be anything. */
export interface SentTrace {
  readonly traceparent: string | undefined
  readonly tracestate: string | undefined
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** What a span may be a part of. */
export interface SpanParent {
  child(name: string, kind: ChildKind, attributes: SpanAttributes): Span
}

/** `ask`: of another node. `part`: of the same work. */
export type ChildKind = 'ask' | 'part'

export interface Span extends SpanParent {
  /** For the nodes that do a part of the work. */
  readonly traceparent: string
  readonly tracestate: string
  add(attributes: SpanAttributes): void
  /** Call once. */
  end(ended?: SpanEnd): void
}

export interface SpanEnd {
  /** If the name was not known at the beginning. */
  readonly name?: string
  /** The code of the error, if the work has failed. */
  readonly error?: string | undefined
}
