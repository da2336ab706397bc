/** The contexts that peers announce before their asks: each is for one ask of one peer, and few are kept. */
import { expect, it } from 'vitest'
import { AskTraces } from '../../../src/node/peers/ask-traces.ts'
import type { SentTrace, Span, Tracer } from '../../../src/ports/tracer.ts'

const SPAN = {} as Span
const TEXT = { traceparent: 'a context', tracestate: '' }
const WAITING_PER_PEER_MAX = 256

function tracesOf(): { readonly traces: AskTraces; readonly joined: SentTrace[] } {
  const joined: SentTrace[] = []
  const tracer: Tracer = {
    begin: () => undefined,
    join: (sent) => {
      joined.push(sent)
      return SPAN
    },
  }
  return { traces: new AskTraces(tracer), joined }
}

it('a context is for the ask with its id, from the same peer, once', () => {
  const { traces, joined } = tracesOf()
  traces.note('n2', { ask: 7, ...TEXT })
  expect(traces.begin('n2', 8, 'apply')).toBeUndefined()
  expect(traces.begin('n3', 7, 'apply')).toBeUndefined()
  expect(traces.begin('n2', 7, 'apply')).toBe(SPAN)
  expect(traces.begin('n2', 7, 'apply')).toBeUndefined()
  expect(joined).toEqual([TEXT])
})

it('the oldest context of a peer makes room, and one that no node would send is not kept', () => {
  const { traces } = tracesOf()
  traces.note('n3', { ask: 1, ...TEXT })
  for (let ask = 1; ask <= WAITING_PER_PEER_MAX + 1; ask++) traces.note('n2', { ask, ...TEXT })
  expect(traces.begin('n2', 1, 'apply')).toBeUndefined()
  expect(traces.begin('n3', 1, 'apply')).toBe(SPAN)
  expect(traces.begin('n2', 2, 'apply')).toBe(SPAN)
  expect(traces.begin('n2', WAITING_PER_PEER_MAX, 'apply')).toBe(SPAN)
  traces.note('n2', { ask: 9999, traceparent: TEXT.traceparent, tracestate: 'x'.repeat(2000) })
  expect(traces.begin('n2', 9999, 'apply')).toBeUndefined()
})

it('a message that expects no answer has no context', () => {
  const { traces } = tracesOf()
  traces.note('n2', { ask: 0, ...TEXT })
  expect(traces.begin('n2', 0, 'apply')).toBeUndefined()
})
