/**
 * Traces what this node does for the asks of its peers. Before an ask whose request is traced, the peer sends the context
 * of its span (wire/asks/trace-asks.ts), in the same frame or the one before.
 */
import type { SentTrace, Span, Tracer } from '../../ports/tracer.ts'
import type { TraceRequest } from '../wire/asks/trace-asks.ts'
import type { HandlersOf } from './ask-handlers.ts'

/** Contexts of one peer whose ask has not come. Beyond this number the oldest are dropped: their asks were lost. */
const WAITING_PER_PEER_MAX = 256
/** No node sends a longer context. */
const CONTEXT_CHARACTERS_MAX = 1024

export class AskTraces {
  readonly #tracer: Tracer
  /** Peer → id of the ask → context, the oldest first. No peer has an empty map. */
  readonly #waiting = new Map<string, Map<number, SentTrace>>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** The ask with that id will come next. */
  note(from: string, { ask, traceparent, tracestate }: TraceRequest): void {
    // Every message that expects no answer has id 0, so the context would be given to another one.
    if (ask === 0 || traceparent.length + tracestate.length > CONTEXT_CHARACTERS_MAX) return
    const waiting = this.#waiting.get(from) ?? new Map<number, SentTrace>()
    this.#waiting.set(from, waiting)
    for (const oldest of waiting.keys()) {
      if (waiting.size < WAITING_PER_PEER_MAX) break
      waiting.delete(oldest)
    }
    waiting.set(ask, { traceparent, tracestate })
  }

  /** Begins the span of an ask that has come; undefined if its request is not traced. */
  begin(from: string, id: number, kind: string): Span | undefined {
    const waiting = this.#waiting.get(from)
    const sent = waiting?.get(id)
    if (waiting === undefined || sent === undefined) return undefined
    waiting.delete(id)
    if (waiting.size === 0) this.#waiting.delete(from)
    return this.#tracer.join(sent, kind, { 'quorate.ask': kind, 'quorate.peer': from })
  }
}

/** A node without a tracer ignores the contexts. */
export function traceAnswers(traces: AskTraces | undefined): HandlersOf<'trace'> {
  return { trace: (request, asker) => traces?.note(asker.node, request) }
}
