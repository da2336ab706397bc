/** The contexts that peers announce before their asks: each is for one ask of one peer, and few are kept. */
import { expect, it } from 'vitest'
import { AskTraces } from '../../../src/node/peers/ask-traces.ts'
import type { SentTrace, Span, Tracer } from '../../../src/ports/tracer.ts'

const SPAN = {} as Span
const TEXT = { traceparent: 'a context', tracestate: '' }
const WAITING_MAX = 1024

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

it('the oldest context makes room, and one that no node would send is not kept', () => {
  const { traces } = tracesOf()
  for (let ask = 0; ask <= WAITING_MAX; ask++) traces.note('n2', { ask, ...TEXT })
  expect(traces.begin('n2', 0, 'apply')).toBeUndefined()
  expect(traces.begin('n2', 1, 'apply')).toBe(SPAN)
  expect(traces.begin('n2', WAITING_MAX, 'apply')).toBe(SPAN)
  traces.note('n2', { ask: 9999, traceparent: TEXT.traceparent, tracestate: 'x'.repeat(2000) })
  expect(traces.begin('n2', 9999, 'apply')).toBeUndefined()
})
