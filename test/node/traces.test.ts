/**
 * What three nodes on virtual time record of a client's request: a span for each ask, the work of each peer below it, and
 * nothing of other requests.
 */
import { beforeEach, expect, it } from 'vitest'
import { type RecordedSpan, RecordingTracer } from '../../src/adapters/tracing/recording-tracer.ts'
import type { Level } from '../../src/core/quorum/level.ts'
import type { Span } from '../../src/ports/tracer.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const TRACESTATE = 'congo=t61rcWkgMzE'

let cluster: VirtualCluster
let tracers: Map<string, RecordingTracer>
/** With the node that recorded it. */
let recorded: (RecordedSpan & { readonly node: string })[]

beforeEach(async () => {
  recorded = []
  const tracerOf = (node: string): RecordingTracer => {
    const { host } = cluster.node(node as Id)
    const random = new SeededRandom(`tracer of ${node}`)
    const sink = (span: RecordedSpan): unknown => recorded.push({ ...span, node })
    const tracer = new RecordingTracer({
      clock: { wallMs: () => host.wallMs(), monotonicMs: () => host.monotonicMs() },
      random: { below: (bound) => random.below(bound) },
      ratio: 0,
      sink,
    })
    tracers.set(node, tracer)
    return tracer
  }
  tracers = new Map()
  cluster = new VirtualCluster('traces', IDS, 1_000_000, undefined, tracerOf)
  await cluster.start()
  await cluster.pass(2)
})

function begun(node: Id): Span {
  const span = tracers.get(node)?.begin({ traceparent: TRACEPARENT, tracestate: TRACESTATE })
  if (span === undefined) throw new Error('it is sampled')
  return span
}

function at(span: Span | undefined, level: Level, bucket = 'default') {
  return { bucket, key: 'secret-key', level, requestId: 'test', span }
}

async function put(node: Id, span: Span | undefined, level: Level, bucket?: string): Promise<void> {
  const value = new TextEncoder().encode('secret-value')
  const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
  const answer = await cluster.ask(node, (service) =>
    service.put({ ...at(span, level, bucket), content, context: undefined }),
  )
  expect(answer).toMatchObject({ durable: true })
}

async function get(span: Span): Promise<void> {
  const read = await cluster.ask('n1', (service) => service.get(at(span, 'quorum')))
  expect(read).toMatchObject({ quorum: { got: 2 } })
}

/** Each span as one line, below its parent: node, name, attributes that differ, and the error. */
function tree(parentId: string | undefined = '00f067aa0ba902b7', indent = ''): string[] {
  return recorded
    .filter((span) => span.parentId === parentId)
    .map((span) => ({ span, line: lineOf(span) }))
    .sort((a, b) => (a.line < b.line ? -1 : 1))
    .flatMap(({ span, line }) => [indent + line, ...tree(span.spanId, `${indent}  `)])
}

function lineOf({ node, name, kind, attributes, error }: (typeof recorded)[number]): string {
  const { 'quorate.peer': peer, 'quorate.hedged': hedged, 'quorate.outcome': outcome } = attributes
  const words = [node, kind, name, peer, hedged === true ? 'hedged' : undefined, outcome, error]
  return words.filter((word) => word !== undefined).join(' ')
}

it('a write at quorum has a span for each other owner, and below it the work of that owner', async () => {
  const span = begun('n1')
  await put('n1', span, 'quorum')
  span.end({ name: 'put' })
  await cluster.pass(1)
  expect(tree()).toEqual([
    'n1 server put',
    '  n1 client ask apply n2 ok',
    '    n2 server apply n1',
    '  n1 client ask apply n3 ok',
    '    n3 server apply n1',
  ])
  for (const { traceId, tracestate, startMs, endMs } of recorded) {
    expect([traceId, tracestate]).toEqual([TRACEPARENT.slice(3, 35), TRACESTATE])
    expect(endMs).toBeGreaterThan(startMs)
  }
  expect(JSON.stringify(recorded)).not.toContain('secret')
})

it('a read tells which owner was silent, and which one was asked in its place', async () => {
  await put('n1', undefined, 'all')
  expect(recorded).toEqual([])
  await get(begun('n1'))
  const near = recorded.find(({ kind }) => kind === 'client')?.attributes['quorate.peer'] as Id
  const far = near === 'n2' ? 'n3' : 'n2'
  recorded = []
  const cut = cluster.wires.cut(near, 'n1', 'mute')
  const span = begun('n1')
  await get(span)
  span.end({ name: 'get' })
  await cluster.pass(3)
  cut.undo()
  const asks = [
    [`  n1 client ask version ${far} hedged ok`, `    ${far} server version n1`],
    [
      `  n1 client ask version ${near} lost: deadline lost: deadline`,
      `    ${near} server version n1`,
    ],
  ]
  expect(tree()).toEqual(['n1 server get', ...(near < far ? asks.toReversed() : asks).flat()])
})

it('a strong write is traced through the owner that proposes it, to its acceptors', async () => {
  const span = begun('n1')
  await put('n1', span, 'strong', 'strong')
  span.end({ name: 'put' })
  await cluster.pass(1)
  const names = new Set(recorded.map(({ name }) => name))
  expect([...names].filter((name) => name.startsWith('ask register-')).length).toBeGreaterThan(1)
  expect(recorded.every(({ traceId }) => traceId === TRACEPARENT.slice(3, 35))).toBe(true)
  const ids = new Set(recorded.map(({ spanId }) => spanId))
  for (const { parentId, name } of recorded) {
    if (name !== 'put') expect(ids).toContain(parentId)
  }
})

it('a request that is not traced makes no span, at no node', async () => {
  await put('n1', undefined, 'quorum')
  await cluster.ask('n2', (service) => service.get(at(undefined, 'all')))
  await cluster.pass(3)
  expect(recorded).toEqual([])
})
