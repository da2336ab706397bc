/** The end of an ask as its span tells it: every text comes from a closed set, whatever the peer has sent. */
import { expect, test } from 'vitest'
import { askSpan, endingSpan } from '../../../src/node/peers/ask-span.ts'
import type { Reply } from '../../../src/node/peers/reply.ts'
import type { RefusalCode } from '../../../src/node/wire/messages.ts'
import type { Span, SpanAttributes, SpanEnd } from '../../../src/ports/tracer.ts'

const refused = (code: string): Reply<never> => ({
  type: 'refused',
  code: code as RefusalCode,
  message: 'told by the peer',
})

test.each<[string, Reply<unknown>, string | undefined]>([
  ['ok', { type: 'ok', answer: 1 }, undefined],
  ['unsent', { type: 'unsent' }, 'unsent'],
  ['lost: link', { type: 'lost', reason: 'link' }, 'lost: link'],
  ['refused: overloaded', refused('overloaded'), 'refused: overloaded'],
  ['refused: other', refused('x'.repeat(100_000)), 'refused: other'],
])('%s', (outcome, reply, error) => {
  const told: SpanAttributes[] = []
  const ends: SpanEnd[] = []
  const span: Span = {
    traceparent: '',
    tracestate: '',
    child: () => span,
    add: (attributes) => told.push(attributes),
    end: (end = {}) => ends.push(end),
  }
  const got: Reply<unknown>[] = []
  endingSpan(askSpan(span, 'n2', 'apply'), (one) => got.push(one))(reply)
  expect(told).toEqual([{ 'quorate.outcome': outcome }])
  expect(ends).toEqual([error === undefined ? {} : { error }])
  expect(got).toEqual([reply])
})
