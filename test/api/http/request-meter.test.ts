/** The log lines of requests: which have one, and that a line names the trace that its request brings. */
import { expect, test } from 'vitest'
import { createPromMetrics } from '../../../src/adapters/metrics/prom-metrics.ts'
import { type EndedRequest, RequestMeter } from '../../../src/api/http/request-meter.ts'
import type { Log, LogFields } from '../../../src/ports/log.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const FAILED: EndedRequest = {
  op: 'put',
  level: 'quorum',
  code: 'quorum_unreachable',
  requestId: 'n1-1',
  traceparent: `00-${TRACE}-00f067aa0ba902b7-00`,
  bucket: 'default',
  startedMs: 0,
  detail: 'why',
}

function meterOf(): { readonly meter: RequestMeter; readonly lines: LogFields[] } {
  const lines: LogFields[] = []
  const take = (fields: LogFields): unknown => lines.push(fields)
  const log: Log = { debug: take, info: take, warn: take, error: take }
  const clock = { wallMs: () => 0, monotonicMs: () => 12.34 }
  const meter = new RequestMeter(
    { clock, log, metrics: createPromMetrics() },
    { logRequests: false },
  )
  return { meter, lines }
}

test('a failed request has a line, which names the trace of the request', () => {
  const { meter, lines } = meterOf()
  meter.end(FAILED)
  meter.end({ ...FAILED, code: 'ok' })
  const { traceparent: _, startedMs: __, ...told } = FAILED
  expect(lines).toEqual([{ ...told, traceId: TRACE, ms: 12.3 }])
})

test.each([undefined, '', 'a lie', ['two', 'headers']])('%j names no trace', (traceparent) => {
  const { meter, lines } = meterOf()
  meter.end({ ...FAILED, traceparent })
  expect(lines.map(({ traceId }) => traceId)).toEqual([undefined])
})
