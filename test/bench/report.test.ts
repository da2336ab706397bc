import { describe, expect, it } from 'vitest'
import { BenchUsageError, parseBenchArguments } from '../../src/bench/bench-arguments.ts'
import { parseStat } from '../../src/bench/process-usage.ts'
import { median, ratiosOf, type Row, tableOf } from '../../src/bench/report.ts'
import { mergeResults, parseWrk, shareOf } from '../../src/bench/wrk.ts'

function row(workload: string, requestsPerSecond: number, p99Ms: number): Row {
  const round = {
    requestsPerSecond,
    p50Ms: 1,
    p99Ms,
    errors: 0,
    cpuShares: [0.5],
    rssBytes: [2 ** 20],
  }
  return { system: 'quorate', workload, rounds: [round] }
}

describe('bench', () => {
  it('reads the line that the script prints, without the requests that failed', () => {
    const result = parseWrk('Running 4s test\nRESULT 1100 2000000 1500 9000 100\n')
    expect(result).toEqual({ requestsPerSecond: 500, p50Ms: 1.5, p99Ms: 9, errors: 100 })
    expect(() => parseWrk('unable to connect')).toThrow(/no result/)
  })

  it('adds the rates of several processes, and takes the worst tail', () => {
    const merged = mergeResults([
      { requestsPerSecond: 100, p50Ms: 2, p99Ms: 5, errors: 0 },
      { requestsPerSecond: 300, p50Ms: 4, p99Ms: 3, errors: 2 },
    ])
    expect(merged).toEqual({ requestsPerSecond: 400, p50Ms: 3.5, p99Ms: 5, errors: 2 })
  })

  it('spreads all connections', () => {
    expect([0, 1, 2].map((part) => shareOf(64, 3, part))).toEqual([22, 21, 21])
  })

  it('reads the usage of a process whose name has spaces and brackets', () => {
    const fields = [
      'S',
      ...Array.from({ length: 10 }, () => '0'),
      '150',
      '50',
      ...Array.from({ length: 8 }, () => '0'),
      '1000',
    ]
    expect(parseStat(`42 (a (b) c) ${fields.join(' ')}`)).toEqual({
      cpuSeconds: 2,
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

  it('names the argument that is wrong', () => {
    expect(() => parseBenchArguments(['--rounds', 'x'])).toThrow(BenchUsageError)
    expect(() => parseBenchArguments(['--what'])).toThrow(BenchUsageError)
    expect(parseBenchArguments(['--only', 'put quorum, etcd put'])?.only).toEqual([
      'put quorum',
      'etcd put',
    ])
  })
})
