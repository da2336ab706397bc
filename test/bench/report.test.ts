import { describe, expect, it } from 'vitest'
import { parseBenchArguments } from '../../src/bench/bench-arguments.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'
import { planSystems, selectWorkloads } from '../../src/bench/bench-plan.ts'
import { etcdRange } from '../../src/bench/systems/etcd-system.ts'
import { countKeys } from '../../src/bench/load/key-space.ts'
import { parseMachineStat, parseStat } from '../../src/bench/process-usage.ts'
import { quorateGet, quoratePut } from '../../src/bench/systems/quorate-system.ts'
import { disturbanceOf, median, ratiosOf, type Row, tableOf } from '../../src/bench/report.ts'
import { isSteady } from '../../src/bench/steadiness.ts'
import { mergeResults, parseWrk, shareOf } from '../../src/bench/load/wrk.ts'

function row(workload: string, requestsPerSecond: number, p99Ms: number): Row {
  const round = {
    requestsPerSecond,
    p50Ms: 1,
    p99Ms,
    errors: 0,
    bytesPerAnswer: 1200,
    cpuShares: [0.5],
    rssBytes: [2 ** 20],
    othersShare: 0.02,
  }
  return { system: 'quorate', workload, rounds: [round] }
}

describe('bench', () => {
  it('reads the line that the script prints, without the requests that failed', () => {
    const result = parseWrk('Running 4s test\nRESULT 1100 2000000 1500 9000 100 7 2200000\n')
    expect(result).toEqual({
      requestsPerSecond: 500,
      p50Ms: 1.5,
      p99Ms: 9,
      errors: 107,
      bytesPerAnswer: 2000,
    })
    expect(() => parseWrk('unable to connect')).toThrow(/no result/)
  })

  it('adds the rates of several processes, and takes the worst tail', () => {
    const merged = mergeResults([
      { requestsPerSecond: 100, p50Ms: 2, p99Ms: 5, errors: 0, bytesPerAnswer: 1000 },
      { requestsPerSecond: 300, p50Ms: 4, p99Ms: 3, errors: 2, bytesPerAnswer: 2000 },
    ])
    expect(merged).toEqual({
      requestsPerSecond: 400,
      p50Ms: 3.5,
      p99Ms: 5,
      errors: 2,
      bytesPerAnswer: 1750,
    })
  })

  it('spreads all connections', () => {
    expect([0, 1, 2].map((part) => shareOf(64, 3, part))).toEqual([22, 21, 21])
    expect([0, 1, 2].map((part) => shareOf(2, 3, part))).toEqual([1, 1, 1])
  })

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
      rssBytes: 4_096_000,
    })
  })

  it('tells medians and ratios, met or not', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    const rows = [
      row('put quorum', 6000, 5),
      row('etcd put', 2000, 9),
      row('single put', 20_000, 3),
    ]
    const ratios = ratiosOf(rows)
    expect(ratios).toMatch(
      /quorum put \/ etcd put +\| ≥ 3 +\| 3\.00 +\| met +\| 5\.0 \/ 9\.0 ms \| met/,
    )
    expect(ratios).toMatch(/single-node put \| ≥ 0\.6 +\| 0\.30 +\| not met/)
    expect(tableOf(rows)).toMatch(/\| quorate \| put quorum +\| 6,000 /)
  })

  it('marks a row some of whose requests failed', () => {
    const good = row('put quorum', 6000, 5)
    const bad = { ...good, rounds: good.rounds.map((round) => ({ ...round, errors: 3 })) }
    expect(tableOf([good])).not.toMatch(/!/)
    expect(tableOf([bad])).toMatch(/\| 3 ! /)
  })

  it('says where other processes had a part of the machine', () => {
    const alone = row('put quorum', 6000, 5)
    const rounds = alone.rounds.map((round) => ({ ...round, othersShare: 0.42 }))
    expect(disturbanceOf([alone])).toBe('')
    expect(disturbanceOf([alone, alone, { ...alone, rounds }])).toMatch(
      /in 1 of 3 rounds .* up to 42 %/,
    )
  })

  it('adds up the processor time of the machine, without idle time and interrupts', () => {
    const stat = 'cpu  100 20 30 5000 400 7 8 50 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 9\n'
    expect(parseMachineStat(stat)).toBe(2)
  })

  it('calls a load steady once it gets no faster, whatever the noise', () => {
    expect(isSteady([2400, 3300, 3500, 3700, 4000])).toBe(false)
    expect(isSteady([2400, 4000, 3900, 4100])).toBe(true)
    expect(isSteady([2400, 4000, 3900, 4400, 4300])).toBe(false)
    expect(isSteady([0, 0])).toBe(true)
    expect(isSteady([])).toBe(false)
  })

  it('holds no more keys than fit into memory', () => {
    expect(countKeys(1024)).toBe(10_000)
    expect(countKeys(2 ** 20)).toBe(64)
    expect(countKeys(2 ** 30)).toBe(1)
  })

  it('takes the value out of what each system answers', () => {
    const kvs = [{ key: 'aw==', value: Buffer.from('xyz').toString('base64') }]
    const { valueIn } = etcdRange('etcd serializable', true)
    expect(valueIn?.(JSON.stringify({ header: {}, kvs, count: '1' }))).toBe('xyz')
    expect(valueIn?.(JSON.stringify({ header: {} }))).toBeUndefined()
    expect(quorateGet('get quorum', 'quorum').valueIn?.('xyz')).toBe('xyz')
    expect(quoratePut('put weak', 'weak', 'xyz').status).toBe(202)
  })

  it('measures the workloads asked for, of the systems that have them', () => {
    const plans = planSystems({
      directory: 'data',
      value: 'x',
      profileDir: undefined,
      withEtcd: false,
      guard: { watch: () => {}, release: () => {} },
      stop: new AbortController().signal,
    })
    const names = (only: readonly string[]): string[][] =>
      selectWorkloads(plans, only).map(({ workloads }) => workloads.map(({ name }) => name))
    expect(names(['get quorum', 'single put'])).toEqual([['get quorum'], ['single put']])
    const all = names([]).flat()
    expect(new Set(all).size).toBe(all.length)
    expect(all).not.toContain('etcd put')
  })

  it('names the argument that is wrong', () => {
    expect(() => parseBenchArguments(['--rounds', 'x'])).toThrow(UsageError)
    expect(() => parseBenchArguments(['--what'])).toThrow(UsageError)
    expect(parseBenchArguments(['--only', 'put quorum, etcd put'])?.only).toEqual([
      'put quorum',
      'etcd put',
    ])
  })
})
