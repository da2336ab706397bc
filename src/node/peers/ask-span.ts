/** Traces the asks of this node: one span for each, from its sending to its end (reply.ts). */
import type { Span, SpanParent } from '../../ports/tracer.ts'
import { REFUSAL_CODES } from '../wire/messages.ts'
import type { Reply } from './reply.ts'

/** Begins the span of an ask. */
export function askSpan(parent: SpanParent, to: string, kind: string): Span {
  return parent.child(`ask ${kind}`, 'ask', { 'quorate.ask': kind, 'quorate.peer': to })
}

/** Ends the span with the reply, before `done` gets the reply. */
export function endingSpan<Answer>(
  span: Span,
  done: (reply: Reply<Answer>) => void,
): (reply: Reply<Answer>) => void {
  return (reply) => {
    const outcome = outcomeOf(reply)
    span.add({ 'quorate.outcome': outcome })
    span.end(reply.type === 'ok' ? {} : { error: outcome })
    done(reply)
  }
}

/** A parent whose asks are told apart: they were sent because others had not answered after a moment. */
export function asHedge(parent: SpanParent): SpanParent {
  return {
    child: (name, kind, attributes) =>
      parent.child(name, kind, { ...attributes, 'quorate.hedged': true }),
  }
}

/** A peer may send anything as its code, and a span has only texts from a closed set. */
function outcomeOf(reply: Reply<unknown>): string {
  if (reply.type === 'refused') {
    return `refused: ${REFUSAL_CODES.includes(reply.code) ? reply.code : 'other'}`
  }
  return reply.type === 'lost' ? `lost: ${reply.reason}` : reply.type
}
