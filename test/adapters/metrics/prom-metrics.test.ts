import { describe, expect, it } from 'vitest'
import { createPromMetrics } from '../../../src/adapters/metrics/prom-metrics.ts'
import { LABEL_NAMES } from '../../../src/ports/metrics.ts'

const linesOf = async (metrics: { render(): Promise<string> }, name: string): Promise<string[]> =>
  (await metrics.render()).split('\n').filter((line) => line.startsWith(name))

describe('metrics', () => {
  it('adds up counters by their labels, whether the label object is the same or an equal one', async () => {
    const metrics = createPromMetrics()
    const labels = { op: 'get', level: 'quorum', code: 'ok' }
    metrics.count('requests_total', labels)
    metrics.count('requests_total', { ...labels }, 2)
    metrics.count('requests_total', { ...labels, code: 'bad_key' })
    metrics.count('storage_commits_total')
    expect(await linesOf(metrics, 'quorate_requests_total')).toEqual([
      'quorate_requests_total{op="get",level="quorum",code="ok"} 3',
      'quorate_requests_total{op="get",level="quorum",code="bad_key"} 1',
    ])
    // Read twice, counted once.
    expect(await linesOf(metrics, 'quorate_storage_commits_total')).toEqual([
      'quorate_storage_commits_total 1',
    ])
  })

  it('reads back what was counted and measured, without effect on later readings', () => {
    const metrics = createPromMetrics()
    metrics.count('read_repairs_total', { peer: 'n2' }, 3)
    const counts = metrics.counts('read_repairs_total')
    metrics.count('read_repairs_total', { peer: 'n2' })
    expect(counts).toEqual([{ labels: { peer: 'n2' }, value: 3 }])
    expect(metrics.counts('hints_stored_total')).toEqual([])
    metrics.seconds('request_duration_seconds', 0.02, { op: 'get', level: 'all' })
    const [timed] = metrics.durations('request_duration_seconds')
    metrics.seconds('request_duration_seconds', 99, { op: 'get', level: 'all' })
    expect(timed).toMatchObject({ labels: { op: 'get', level: 'all' }, seconds: 0.02 })
    const bounds = timed?.boundsSeconds ?? []
    expect(timed?.counts).toHaveLength(bounds.length + 1)
    expect(timed?.counts[bounds.indexOf(0.025)]).toBe(1)
    expect(timed?.counts.at(-1)).toBe(0)
  })

  it('shows the last value of a gauge', async () => {
    const metrics = createPromMetrics()
    metrics.gauge('peer_up', 1, { peer: 'n2' })
    metrics.gauge('peer_up', 0, { peer: 'n2' })
    expect(await linesOf(metrics, 'quorate_peer_up')).toEqual(['quorate_peer_up{peer="n2"} 0'])
  })

  it('puts durations into buckets of seconds', async () => {
    const metrics = createPromMetrics()
    for (const seconds of [0.0004, 0.003, 20]) {
      metrics.seconds('storage_commit_duration_seconds', seconds)
    }
    const lines = await linesOf(metrics, 'quorate_storage_commit_duration_seconds')
    expect(lines).toContain('quorate_storage_commit_duration_seconds_bucket{le="0.005"} 2')
    expect(lines).toContain('quorate_storage_commit_duration_seconds_bucket{le="+Inf"} 3')
    expect(lines).toContain('quorate_storage_commit_duration_seconds_count 3')
  })

  it.each(LABEL_NAMES)('shows the label %s', async (name) => {
    const metrics = createPromMetrics()
    metrics.count('requests_total', { [name]: 'x' })
    const [line] = await linesOf(metrics, 'quorate_requests_total')
    expect(line).toBe(`quorate_requests_total{${name}="x"} 1`)
  })

  it('says what each metric is, and what the process itself uses', async () => {
    const text = await createPromMetrics().render()
    const named = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(named.filter((name) => !/^(quorate|process|nodejs)_/.test(name ?? ''))).toEqual([])
    expect(named).toContain('process_resident_memory_bytes')
    expect(named).toContain('nodejs_eventloop_lag_p99_seconds')
    const helped = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name)
    expect(helped).toEqual(named)
  })
})
