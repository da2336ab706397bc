/**
 * Traces what this node does for the asks of its peers. Before an ask whose request is traced, the peer sends the context
 * of its span (wire/asks/trace-asks.ts), in the same frame or the one before.
 */
import type { SentTrace, Span, Tracer } from '../../ports/tracer.ts'
import type { TraceRequest } from '../wire/asks/trace-asks.ts'
import type { HandlersOf } from './ask-handlers.ts'

/** Contexts whose ask has not come. Beyond this number the oldest are dropped: their asks were lost. */
const WAITING_MAX = 1024
/** No node sends a longer context. */
const CONTEXT_CHARACTERS_MAX = 1024

export class AskTraces {
  readonly #tracer: Tracer
  /** Peer and id of the ask → context, the oldest first. */
  readonly #waiting = new Map<string, SentTrace>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** The ask with that id will come next. */
  note(from: string, { ask, traceparent, tracestate }: TraceRequest): void {
    if (traceparent.length + tracestate.length > CONTEXT_CHARACTERS_MAX) return
    for (const name of this.#waiting.keys()) {
      if (this.#waiting.size < WAITING_MAX) break
      this.#waiting.delete(name)
    }
    this.#waiting.set(`${from}/${ask}`, { traceparent, tracestate })
  }

  /** Begins the span of an ask that has come; undefined if its request is not traced. */
  begin(from: string, id: number, kind: string): Span | undefined {
    if (this.#waiting.size === 0) return undefined
    const name = `${from}/${id}`
    const sent = this.#waiting.get(name)
    if (sent === undefined) return undefined
    this.#waiting.delete(name)
    return this.#tracer.join(sent, kind, { 'quorate.ask': kind, 'quorate.peer': from })
  }
}

/** A node without a tracer ignores the contexts. */
export function traceAnswers(traces: AskTraces | undefined): HandlersOf<'trace'> {
  return { trace: (request, asker) => traces?.note(asker.node, request) }
}
