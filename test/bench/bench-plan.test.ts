import { describe, expect, it } from 'vitest'
import { planSecured, securityCosts } from '../../src/bench/secured-plan.ts'
import { parseBenchArguments } from '../../src/bench/bench-arguments.ts'
import { groupPlans, planSystems, selectWorkloads } from '../../src/bench/bench-plan.ts'
import { countersPerAnswer } from '../../src/bench/measured-load.ts'
import { parseMachineStat, parseMemory, parseStat } from '../../src/bench/process-usage.ts'
import { etcdRange } from '../../src/bench/systems/etcd-system.ts'
import { canSyncAlways } from '../../src/bench/systems/nats-system.ts'
import { quorateGet, quoratePut, sumOf } from '../../src/bench/systems/quorate-system.ts'
import type { Row } from '../../src/bench/report.ts'
import type { Measurement } from '../../src/bench/systems/system.ts'
import { BUDGETS, LATENCIES, RATIOS, SINGLE_PUT } from '../../src/bench/targets.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'

const OPTIONS = {
  directory: 'data',
  value: 'x',
  profileDir: undefined,
  guard: { watch: () => {}, release: () => {} },
  stop: new AbortController().signal,
}
const ALL = planSystems({
  ...OPTIONS,
  others: { etcd: '3.4.23', nats: '2.10.1', redis: '7.0.15' },
})
const MEASURED: Measurement = {
  answers: 1,
  requestsPerSecond: 1,
  p50Ms: 1,
  p99Ms: 1,
  errors: 0,
  bytesPerAnswer: 1,
  cpuUs: undefined,
  counters: undefined,
  memoryBytes: undefined,
  othersShare: undefined,
}

function namesOf(plans: typeof ALL): string[][] {
  return plans.map(({ workloads }) => workloads.map(({ name }) => name))
}

describe('the plan of a run', () => {
  it('has the workloads asked for, of the systems that have them', () => {
    const chosen = selectWorkloads(ALL, ['get quorum', 'single put'])
    expect(namesOf(chosen)).toEqual([['get quorum'], ['single put']])
    const all = namesOf(selectWorkloads(ALL, [])).flat()
    expect(new Set(all).size).toBe(all.length)
  })

  it('leaves out the stores that are not installed or not wanted', () => {
    const plans = planSystems({ ...OPTIONS, others: { nats: '2.9.10' } })
    const names = namesOf(plans).flat()
    expect(names).toContain('nats put')
    // Version 2.9 of NATS cannot sync every write.
    expect(names).not.toContain('nats synced put')
    expect(names.filter((name) => /etcd|redis/.test(name))).toEqual([])
  })

  it('measures systems with their own protocol apart from the others', () => {
    const groups = groupPlans(ALL).map((group) => group.map(({ name }) => name))
    expect(groups).toEqual([
      ['quorate', 'quorate, strong', 'quorate, os', 'single node', 'etcd'],
      ['nats synced, own protocol'],
      ['nats, own protocol'],
      ['redis, own protocol'],
    ])
    expect(groupPlans(selectWorkloads(ALL, ['redis put']))).toHaveLength(1)
  })

  it('has every row that a target names', () => {
    const names = namesOf(ALL).flat()
    const rows = [...BUDGETS, ...RATIOS, ...LATENCIES].map(({ row }) => row)
    const against = [...RATIOS, ...LATENCIES].map((target) => target.against)
    expect([...rows, ...against, SINGLE_PUT].filter((row) => !names.includes(row))).toEqual([])
  })

  it('knows which versions of NATS sync every write', () => {
    expect(['2.9.10', '2.10.0', '2.15.1', '3.0.0'].map(canSyncAlways)).toEqual([
      false,
      true,
      true,
      true,
    ])
  })

  it('takes the value out of what each system answers', () => {
    const kvs = [{ key: 'aw==', value: Buffer.from('xyz').toString('base64') }]
    const { valueIn } = etcdRange('etcd serializable', true)
    expect(valueIn?.(JSON.stringify({ header: {}, kvs, count: '1' }))).toBe('xyz')
    expect(valueIn?.(JSON.stringify({ header: {} }))).toBeUndefined()
    expect(quorateGet('get quorum', 'quorum').valueIn?.('xyz')).toBe('xyz')
    expect(quoratePut('put weak', 'weak', 'xyz').status).toBe(202)
  })

  it('compares the same requests with each protection, and tells the cost of each', () => {
    const plans = planSecured({ ...OPTIONS, others: {} })
    expect(plans.map(({ name }) => name)).toEqual([
      'quorate, plain',
      'quorate, TLS',
      'quorate, TLS and tokens',
    ])
    const names = namesOf(plans).flat()
    expect(new Set(names).size).toBe(names.length)
    const costing = (workload: string, cpuUs: number): Row => ({
      system: '',
      workload,
      rounds: [{ ...MEASURED, cpuUs }],
    })
    const costs = securityCosts(
      names.map((name, i) => costing(name, 100 + 100 * Math.floor(i / 4))),
    )
    expect(costs.split('\n')).toHaveLength(2 + 4)
    expect(costs).toMatch(/put quorum +\| 100 µs \(1\.00\) +\| 200 µs \(2\.00\) +\| 300 µs/)
    expect(securityCosts([costing('put quorum', 1)])).toBe('')
  })

  it('names the argument that is wrong', () => {
    expect(() => parseBenchArguments(['--rounds', 'x'])).toThrow(UsageError)
    expect(() => parseBenchArguments(['--what'])).toThrow(UsageError)
    expect(() => parseBenchArguments(['--without', 'quorate'])).toThrow(UsageError)
    expect(parseBenchArguments(['--without', 'etcd,redis'])?.without).toEqual(['etcd', 'redis'])
    expect(parseBenchArguments(['--only', 'put quorum, etcd put'])?.only).toEqual([
      'put quorum',
      'etcd put',
    ])
  })
})

describe('what a load costs', () => {
  it('reads the usage of a process whose name has spaces and brackets', () => {
    const fields = [
      'S',
      ...Array.from({ length: 10 }, () => '0'),
      '150',
      '50',
      '30',
      '20',
      ...Array.from({ length: 6 }, () => '0'),
      '1000',
    ]
    expect(parseStat(`42 (a (b) c) ${fields.join(' ')}`)).toEqual({
      cpuSeconds: 2,
      childrenCpuSeconds: 0.5,
    })
  })

  it('counts the memory of a process without pages of mapped files', () => {
    const status = 'VmRSS:\t    9000 kB\nRssAnon:\t    5000 kB\nRssFile:\t    4000 kB\n'
    expect(parseMemory(status)).toBe(5_120_000)
  })

  it('adds up the processor time of the machine, without idle time and interrupts', () => {
    const stat = 'cpu  100 20 30 5000 400 7 8 50 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 9\n'
    expect(parseMachineStat(stat)).toBe(2)
  })

  it('counts a message only where it was sent', () => {
    const metrics = [
      '# TYPE quorate_peer_messages_total counter',
      'quorate_peer_messages_total{direction="in"} 70',
      'quorate_peer_messages_total{direction="out"} 60',
      'quorate_storage_commits_total 8',
      'quorate_peer_messages_total{direction="out"} 40',
      'quorate_storage_commits_total 2',
    ].join('\n')
    expect(sumOf(metrics, 'peer_messages_total')).toBe(100)
    expect(sumOf(metrics, 'storage_commits_total')).toBe(10)
    expect(sumOf(metrics, 'peer_frames_total')).toBe(0)
  })

  it('divides what nodes did during a round by the answers', () => {
    const before = { commits: 100, messages: 1000, frames: 500 }
    const after = { commits: 300, messages: 1400, frames: 600 }
    const each = { commits: 2, messages: 4, frames: 1 }
    expect(countersPerAnswer(before, after, 100)).toEqual(each)
    expect(countersPerAnswer(before, after, 0)).toBeUndefined()
    expect(countersPerAnswer(undefined, after, 100)).toBeUndefined()
  })
})
