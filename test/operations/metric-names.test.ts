/** Every metric that an alert or the dashboard names is one that a real node shows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LABEL_NAMES } from '../../src/ports/metrics.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { labelsIn, metricsIn, readAlertRules, readPanelExpressions } from './observability-files.ts'

/** Prometheus makes these itself. */
const OWN_METRICS = ['up', 'ALERTS']
const OWN_LABELS = ['instance', 'job', 'le', 'alertname', 'alertstate']

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

let cluster: TestCluster
let shown: ReadonlySet<string>

beforeAll(async () => {
  cluster = await startCluster(1)
  const { text } = await cluster.request(0, '/metrics')
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  shown = new Set([
    ...OWN_METRICS,
    ...types.flatMap(([, name = '', type = '']) => (SUFFIXES[type] ?? []).map((end) => name + end)),
  ])
})

afterAll(() => cluster.stop())

const alerts = readAlertRules().map(({ alert, expr }) => ({ of: alert, text: expr }))
const panels = readPanelExpressions()

test('there are alerts and panels', () => {
  expect(alerts.length).toBeGreaterThan(10)
  expect(panels.length).toBeGreaterThan(20)
  expect(new Set(alerts.map(({ of }) => of)).size).toBe(alerts.length)
})

test.each([...alerts, ...panels])('$of: $text', ({ text }) => {
  const named = metricsIn(text)
  expect(named).not.toEqual([])
  expect(named.filter((name) => !shown.has(name))).toEqual([])
  const known: readonly string[] = [...LABEL_NAMES, ...OWN_LABELS]
  expect(labelsIn(text).filter((label) => !known.includes(label))).toEqual([])
})

test('metrics of the process and of Node.js have their usual names', () => {
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_open_fds',
    'process_start_time_seconds',
    'nodejs_eventloop_lag_seconds',
    'nodejs_heap_size_used_bytes',
    'nodejs_gc_duration_seconds_count',
    'nodejs_version_info',
  ]) {
    expect(shown).toContain(name)
  }
})

describe('names in an expression', () => {
  test.each([
    ['up{job="a_b"} == 0', ['up'], ['job']],
    ['sum by (op) (rate(a_total{code!="or {x"}[5m])) > 0.5', ['a_total'], ['code', 'op']],
    ['a unless a offset 15m or b{x=~"y"}', ['a', 'b'], ['x']],
    ['histogram_quantile(0.9, sum by (le, n) (rate(h_bucket[1m])))', ['h_bucket'], ['le', 'n']],
    ['count (a == 0) or vector(0)', ['a'], []],
    ['a / on (i) group_left (v) b', ['a', 'b'], ['i', 'v']],
  ])('%s', (text, metrics, labels) => {
    expect(metricsIn(text)).toEqual(metrics)
    expect([...labelsIn(text)].sort()).toEqual([...labels].sort())
  })
})
