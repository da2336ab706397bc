/**
 * Traces of real nodes, as a collector gets them over HTTP: the spans of requests and of the peers' work, which requests
 * have none, and that nothing secret is in them.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { LINK_FAULTS_FILE } from '../../src/server/compose.ts'
import { Collector, type TakenSpan } from '../adapters/tracing/collector.ts'
import { type GuardedCluster, ROOT_TOKEN, startGuarded } from './gate/guarded-cluster.ts'
import type { TestAnswer, TestRequest } from './test-cluster.ts'

const PARENT = '00f067aa0ba902b7'
const KEY = 'a-secret-key'
const VALUE = 'a secret value'
const API_KEY = 'the secret of the collector'
const LONG_MS = 600_000

let collector: Collector
let cluster: GuardedCluster
let traces = 0

beforeAll(async () => {
  collector = await Collector.start()
  cluster = await startGuarded(3, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${encodeURIComponent(API_KEY)}`,
    OTEL_SERVICE_NAME: 'carts',
    // Only requests that bring a trace.
    OTEL_TRACES_SAMPLER_ARG: '0',
    QUORATE_CHAOS: '1',
    // So that a busy machine ends no ask of these tests by its deadline.
    QUORATE_REQUEST_TIMEOUT_MS: '60000',
  })
})

afterAll(async () => {
  await cluster.stop()
  await collector.stop()
})

beforeEach(() => {
  collector.answer = { status: 200 }
})

function newTraceId(): string {
  return (++traces).toString(16).padStart(32, '0')
}

function ask(
  traceId: string,
  path: string,
  { flags = '01', headers = {}, ...request }: TestRequest & { readonly flags?: string } = {},
): Promise<TestAnswer> {
  const traceparent = `00-${traceId}-${PARENT}-${flags}`
  return cluster.ask(ROOT_TOKEN, path, { ...request, headers: { traceparent, ...headers } })
}

/** The spans of the trace, once the collector has so many. */
async function spansOf(traceId: string, count: number): Promise<TakenSpan[]> {
  const found = (): TakenSpan[] => collector.spans.filter((span) => span.traceId === traceId)
  await expect.poll(() => found().length).toBe(count)
  return found()
}

/** Resolves once the collector has such a span. */
async function spanLike(isLike: (span: TakenSpan) => boolean): Promise<TakenSpan> {
  const find = (): TakenSpan | undefined => collector.spans.find(isLike)
  await expect.poll(find).toBeDefined()
  return find() as TakenSpan
}

/** Each span below its parent: node, name, peer, and outcome. */
function tree(spans: readonly TakenSpan[], parentId = PARENT, indent = ''): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parentId)
    .map((span) => {
      const { 'quorate.peer': peer, 'quorate.outcome': outcome } = span.told
      const words = [span.node, span.name, peer, outcome].filter((word) => word !== undefined)
      return { span, line: words.join(' ') }
    })
    .sort((a, b) => (a.line < b.line ? -1 : 1))
    .flatMap(({ span, line }) => [indent + line, ...tree(spans, span.spanId, `${indent}  `)])
}

test('a put at quorum: the request, an ask for each other owner, and the work of each', async () => {
  const warm = '/v1/kv/default/first?consistency=all'
  const first = (): Promise<TestAnswer> =>
    cluster.ask(ROOT_TOKEN, warm, { method: 'PUT', body: '' })
  // From then on every owner is in reach, and asked.
  await expect.poll(async () => (await first()).status).toBe(204)
  const traceId = newTraceId()
  const path = `/v1/kv/default/${KEY}?consistency=quorum`
  const headers = { tracestate: 'congo=t61rcWkgMzE' }
  const put = await ask(traceId, path, { method: 'PUT', body: VALUE, headers })
  expect(put.status).toBe(204)
  const spans = await spansOf(traceId, 5)
  expect(tree(spans)).toEqual([
    'n1 PUT /v1/kv/{bucket}/{key} done',
    '  n1 ask apply n2 ok',
    '    n2 apply n1',
    '  n1 ask apply n3 ok',
    '    n3 apply n1',
  ])
  expect(spans.find(({ parentSpanId }) => parentSpanId === PARENT)?.told).toEqual({
    'http.request.method': 'PUT',
    'http.route': '/v1/kv/{bucket}/{key}',
    'http.response.status_code': 204,
    'quorate.bucket': 'default',
    'quorate.level': 'quorum',
    'quorate.code': 'ok',
    'quorate.outcome': 'done',
  })
  for (const span of spans) {
    expect(span.traceState).toBe('congo=t61rcWkgMzE')
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano))
  }
  expect(collector.bodies.at(-1)).toContain('"service.name","value":{"stringValue":"carts"}')
  expect(collector.headers.at(-1)).toMatchObject({ 'x-api-key': API_KEY })
})

test('a batch has a span for each operation, a list one for each ask', async () => {
  const batch = newTraceId()
  const operations = [
    { op: 'put', bucket: 'latest', key: KEY, value: VALUE, consistency: 'all' },
    { op: 'get', bucket: 'no-such-bucket', key: KEY },
  ]
  const body = JSON.stringify({ operations })
  expect((await ask(batch, '/v1/batch', { method: 'POST', body })).status).toBe(200)
  const list = newTraceId()
  expect((await ask(list, `/v1/keys/default?prefix=${KEY}`)).status).toBe(200)
  expect(tree(await spansOf(batch, 7))).toEqual([
    'n1 POST /v1/batch done',
    '  n1 get rejected',
    '  n1 put done',
    '    n1 ask apply n2 ok',
    '      n2 apply n1',
    '    n1 ask apply n3 ok',
    '      n3 apply n1',
  ])
  const put = collector.spans.find(({ traceId, name }) => traceId === batch && name === 'put')
  expect(put?.told).toMatchObject({ 'http.request.method': 'PUT', 'quorate.bucket': 'latest' })
  expect(tree(await spansOf(list, 5))).toEqual([
    'n1 GET /v1/keys/{bucket} done',
    '  n1 ask list n2 ok',
    '    n2 list n1',
    '  n1 ask list n3 ok',
    '    n3 list n1',
  ])
})

test('a request that is not sampled, or has no well-formed context, has no span', async () => {
  const unsampled = newTraceId()
  await ask(unsampled, '/v1/kv/default/k', { flags: '00' })
  for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-${PARENT}-01`, `${'a'.repeat(9000)}`]) {
    const headers = { traceparent, tracestate: 'x'.repeat(9000) }
    const got = await cluster.ask(ROOT_TOKEN, '/v1/kv/default/k', { headers })
    expect(got.status).toBe(404)
    expect(got.text).not.toContain('traceId')
  }
  await ask(newTraceId(), '/livez')
  await ask(newTraceId(), '/livez', { method: 'POST' })
  await ask(newTraceId(), '/ui/no-such-file')
  await ask(newTraceId(), '/ui', { method: 'POST' })
  const before = collector.spans.length
  const last = newTraceId()
  await ask(last, '/v1/buckets')
  await spansOf(last, 1)
  expect(collector.spans).toHaveLength(before + 1)
})

test('a problem names the trace of its request, and a refused request tells no unknown bucket', async () => {
  const traceId = newTraceId()
  const absent = await ask(traceId, '/v1/kv/no-such-bucket/k', { flags: '00' })
  expect(JSON.parse(absent.text)).toMatchObject({ code: 'bucket_unknown', traceId })
  const reader = await cluster.token('reader', { bucket: 'latest', prefix: '', rights: ['read'] })
  const refused = newTraceId()
  const headers = { traceparent: `00-${refused}-${PARENT}-01` }
  const path = '/v1/kv/a-secret-bucket/k'
  expect((await cluster.ask(reader, path, { headers })).status).toBe(403)
  const [span] = await spansOf(refused, 1)
  expect(span?.told).toEqual({
    'http.request.method': 'GET',
    'http.route': '/v1/kv/{bucket}/{key}',
    'http.response.status_code': 403,
    'quorate.outcome': 'rejected',
  })
})

test('a stranger has no request recorded, and gets the trace that it named', async () => {
  const before = collector.spans.length
  for (const token of [undefined, 'wrong']) {
    for (const method of ['GET', 'PUT']) {
      const traceId = newTraceId()
      const headers = { traceparent: `00-${traceId}-${PARENT}-01` }
      const refused = await cluster.ask(token, '/v1/kv/default/k', { method, headers })
      expect(refused.status).toBe(401)
      expect(JSON.parse(refused.text)).toMatchObject({ traceId })
    }
  }
  const last = newTraceId()
  await ask(last, '/v1/buckets')
  await spansOf(last, 1)
  expect(collector.spans).toHaveLength(before + 1)
})

test('the span of a watch ends with its headers; live events have none', async () => {
  const { clientPort } = cluster.nodes[0]!
  const open = async (traceId: string, path: string): Promise<AbortController> => {
    const stop = new AbortController()
    const traceparent = `00-${traceId}-${PARENT}-01`
    const headers = { authorization: `Bearer ${ROOT_TOKEN}`, traceparent }
    const url = `http://127.0.0.1:${clientPort}${path}`
    expect((await fetch(url, { headers, signal: stop.signal })).status).toBe(200)
    return stop
  }
  const before = collector.spans.length
  const events = await open(newTraceId(), '/v1/events')
  events.abort()
  const traceId = newTraceId()
  const watch = await open(traceId, '/v1/watch/default')
  const [span] = await spansOf(traceId, 1)
  expect(span).toMatchObject({
    name: 'GET /v1/watch/{bucket}',
    told: { 'http.response.status_code': 200, 'quorate.outcome': 'done' },
  })
  watch.abort()
  const last = newTraceId()
  await ask(last, '/v1/buckets')
  await spansOf(last, 1)
  expect(collector.spans).toHaveLength(before + 2)
})

test('a get whose peer does not answer tells which peer, and why', async () => {
  const file = join(cluster.dataDirs[0] as string, LINK_FAULTS_FILE)
  const setFaults = (...faults: readonly object[]): Promise<void> =>
    writeFile(file, JSON.stringify({ faults }))
  const cut = { id: 'cut', peer: 'n3', direction: 'both', lossPercent: 100 }
  let traceId = ''
  const get = async (): Promise<number> => {
    traceId = newTraceId()
    return (await ask(traceId, `/v1/kv/default/${KEY}?consistency=all&timeout=300`)).status
  }
  // The first read after the cut is sent to n3, unless n1 believes by then that n3 is out of reach. Then it is 503.
  for (let status = 0; status !== 504;) {
    await expect.poll(get).toBe(200)
    await setFaults({ ...cut, untilMs: Date.now() + LONG_MS })
    do status = await get()
    while (status === 200)
    await setFaults()
  }
  const lost = await spanLike(
    ({ told, ...span }) => span.traceId === traceId && told['quorate.peer'] === 'n3',
  )
  expect(lost).toMatchObject({
    status: { code: 2 },
    told: { 'quorate.outcome': 'lost: deadline', 'error.type': 'lost: deadline' },
  })
  const failed = await spanLike((span) => span.traceId === traceId && span.parentSpanId === PARENT)
  expect(failed.told).toMatchObject({
    'http.response.status_code': 504,
    'quorate.code': 'deadline_passed',
    'quorate.outcome': 'unknown',
    'error.type': '504',
  })
})

test('spans that the collector refuses are dropped and counted, and no request notices', async () => {
  collector.answer = { status: 400 }
  const path = `/v1/kv/default/${KEY}`
  await expect.poll(async () => (await cluster.ask(ROOT_TOKEN, path)).status).toBe(200)
  const counted = async (): Promise<string> => {
    expect((await ask(newTraceId(), path)).status).toBe(200)
    return (await cluster.ask(ROOT_TOKEN, '/metrics')).text
  }
  await expect.poll(counted).toMatch(/quorate_trace_spans_dropped_total\{reason="refused"\} [1-9]/)
})

test('nothing that was sent has a key, a value, a token, or the name of an unknown bucket', () => {
  expect(collector.bodies.length).toBeGreaterThan(5)
  const all = collector.bodies.join('\n')
  for (const secret of [KEY, VALUE, ROOT_TOKEN, API_KEY, 'a-secret-bucket', 'no-such-bucket']) {
    expect(all).not.toContain(secret)
  }
})
