/** What is sent to a collector, and what becomes of spans that it does not take. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPromMetrics, type PromMetrics } from '../../../src/adapters/metrics/prom-metrics.ts'
import type { RecordedSpan } from '../../../src/adapters/tracing/recording-tracer.ts'
import { SpanExport } from '../../../src/adapters/tracing/span-export.ts'
import type { Log } from '../../../src/ports/log.ts'
import { Collector } from './collector.ts'

const SPAN: RecordedSpan = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: undefined,
  isParentRemote: false,
  flags: 1,
  tracestate: '',
  name: 'GET /v1/kv/{bucket}/{key}',
  kind: 'server',
  startMs: 1_790_000_000_000.25,
  endMs: 1_790_000_000_001.5,
  attributes: { text: 'a', whole: 3, part: 0.5, flag: true },
  error: undefined,
}
const QUEUE_MAX = 4096
const LONG_MS = 60_000

let collector: Collector
let metrics: PromMetrics
let logged: string[]
let spans: SpanExport

beforeEach(async () => {
  collector = await Collector.start()
  metrics = createPromMetrics()
  logged = []
  spans = exportTo(`${collector.url}/v1/traces`)
})

afterEach(() => collector.stop().catch(() => undefined))

function exportTo(url: string): SpanExport {
  const tell =
    (level: string) =>
    (fields: object, message: string): unknown =>
      logged.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const log = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') }
  return new SpanExport(
    { metrics, log: log as Log },
    { url, headers: { 'x-api-key': 'the secret of the collector' } },
    { resource: { 'service.name': 'quorate', 'service.instance.id': 'n1' }, version: '1.2.3' },
  )
}

function take(count: number, part: Partial<RecordedSpan> = {}): void {
  for (let i = 0; i < count; i++) spans.take({ ...SPAN, ...part })
}

function sent(): number {
  return metrics.counts('trace_spans_sent_total').reduce((sum, { value }) => sum + value, 0)
}

function dropped(): Record<string, number> {
  const counts = metrics.counts('trace_spans_dropped_total')
  return Object.fromEntries(counts.map(({ labels, value }) => [labels.reason ?? '', value]))
}

it('sends spans as OTLP says, with the headers of the settings', async () => {
  take(1)
  take(1, { parentId: '1111111111111111', isParentRemote: true, tracestate: 'a=b', kind: 'client' })
  take(1, { kind: 'internal', error: 'deadline_passed' })
  await spans.close(LONG_MS)
  expect(collector.headers[0]).toMatchObject({
    'content-type': 'application/json',
    'x-api-key': 'the secret of the collector',
  })
  const common = {
    traceId: SPAN.traceId,
    spanId: SPAN.spanId,
    name: SPAN.name,
    startTimeUnixNano: '1790000000000250000',
    endTimeUnixNano: '1790000000001500000',
  }
  const attributes = [
    { key: 'text', value: { stringValue: 'a' } },
    { key: 'whole', value: { intValue: '3' } },
    { key: 'part', value: { doubleValue: 0.5 } },
    { key: 'flag', value: { boolValue: true } },
  ]
  const error = { key: 'error.type', value: { stringValue: 'deadline_passed' } }
  const remote = { parentSpanId: '1111111111111111', traceState: 'a=b' }
  expect(collector.bodies.map((body) => JSON.parse(body) as unknown)).toEqual([
    {
      resourceSpans: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'quorate' } },
              { key: 'service.instance.id', value: { stringValue: 'n1' } },
            ],
          },
          scopeSpans: [
            {
              scope: { name: 'quorate', version: '1.2.3' },
              spans: [
                { ...common, flags: 0x101, kind: 2, attributes },
                { ...common, ...remote, flags: 0x301, kind: 3, attributes },
                {
                  ...common,
                  flags: 0x101,
                  kind: 1,
                  attributes: [...attributes, error],
                  status: { code: 2 },
                },
              ],
            },
          ],
        },
      ],
    },
  ])
  expect([sent(), dropped(), logged]).toEqual([3, {}, []])
})

it('sends in the background, and more than one batch', async () => {
  take(1100)
  await expect.poll(sent).toBe(1100)
  expect(collector.spans).toHaveLength(1100)
  expect(collector.bodies.length).toBeGreaterThan(2)
  await spans.close(LONG_MS)
})

it('keeps spans while the collector is away, up to a bound, and sends them when it is back', async () => {
  const { port } = collector
  await collector.stop()
  take(QUEUE_MAX + 10)
  expect(dropped()).toEqual({ queue_full: 10 })
  await expect.poll(() => logged.length).toBe(1)
  expect(logged[0]).toContain('ECONNREFUSED')
  await collector.listen(port)
  await expect.poll(sent).toBe(QUEUE_MAX)
  await expect.poll(() => logged).toEqual([logged[0], expect.stringMatching(/^info .*again/)])
  await spans.close(LONG_MS)
  expect(logged.join()).not.toContain('secret')
})

it('tries again after 503, and never after 400', async () => {
  collector.answer = { status: 503 }
  take(1)
  await expect.poll(() => collector.bodies.length).toBeGreaterThan(0)
  expect(dropped()).toEqual({})
  collector.answer = { status: 400 }
  await expect.poll(dropped).toEqual({ refused: 1 })
  collector.answer = { status: 200 }
  const before = collector.bodies.length
  take(1)
  await spans.close(LONG_MS)
  expect(collector.bodies).toHaveLength(before + 1)
  expect(sent()).toBe(1)
})

it('tells once that the collector refuses every batch, and once that it takes them again', async () => {
  collector.answer = { status: 503 }
  take(1)
  await expect.poll(() => collector.bodies.length).toBe(1)
  collector.answer = { status: 404 }
  await expect.poll(dropped).toEqual({ refused: 1 })
  take(1)
  await expect.poll(dropped).toEqual({ refused: 2 })
  expect(logged).toEqual([expect.stringMatching(/^warn .*status 503/)])
  collector.answer = { status: 200 }
  take(1)
  await expect.poll(sent).toBe(1)
  expect(logged).toEqual([logged[0], expect.stringMatching(/^info .*again/)])
  await spans.close(LONG_MS)
})

it('drops a batch that cannot be written as JSON, and continues', async () => {
  take(1, { attributes: { text: 1n as unknown as number } })
  await expect.poll(dropped).toEqual({ refused: 1 })
  take(1)
  await spans.close(LONG_MS)
  expect(sent()).toBe(1)
})

it('counts the spans that the collector says it has not taken', async () => {
  const partialSuccess = { rejectedSpans: '2', errorMessage: 'too old' }
  collector.answer = { status: 200, body: JSON.stringify({ partialSuccess }) }
  take(3)
  await spans.close(LONG_MS)
  expect([sent(), dropped()]).toEqual([1, { refused: 2 }])
})

it('never sends its headers to another host', async () => {
  const other = await Collector.start()
  collector.answer = { status: 307, location: `${other.url}/v1/traces` }
  take(1)
  await spans.close(LONG_MS)
  expect(other.bodies).toEqual([])
  expect(dropped()).toEqual({ refused: 1 })
  expect(logged[0]).toContain('status 307')
  await other.stop()
})

it('gives up at the end of its time if the collector does not answer', async () => {
  collector.answer = 'silent'
  take(2)
  await spans.close(1)
  take(1)
  expect([sent(), dropped()]).toEqual([0, { not_sent: 3 }])
})

it('asks a collector that is away once more at the end, and not for each batch', async () => {
  collector.answer = { status: 503 }
  take(1500)
  await spans.close(LONG_MS)
  expect(dropped()).toEqual({ not_sent: 1500 })
  expect(collector.bodies).toHaveLength(1)
})
