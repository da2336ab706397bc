import { describe, expect, it } from 'vitest'
import { disturbanceOf, median, type Row, tableOf, targetsOf } from '../../src/bench/report.ts'
import type { Measurement } from '../../src/bench/systems/system.ts'

function row(workload: string, figures: Partial<Measurement> = {}): Row {
  const round = {
    answers: 24_000,
    requestsPerSecond: 6000,
    p50Ms: 1,
    p99Ms: 5,
    errors: 0,
    bytesPerAnswer: 1200,
    cpuUs: 120,
    counters: { commits: 0.25, messages: 4, frames: 0.5 },
    memoryBytes: [2 ** 20],
    othersShare: 0.02,
    ...figures,
  }
  return { system: 'quorate', workload, rounds: [round] }
}

describe('the report of a run', () => {
  it('tells what a request costs, also as a multiple of a put without replication', () => {
    const rows = [
      row('put quorum'),
      row('single put', { cpuUs: 40, counters: undefined }),
      row('etcd put', { cpuUs: undefined, counters: undefined, memoryBytes: undefined }),
    ]
    const table = tableOf(rows).replaceAll(/ +/g, ' ')
    expect(table).toContain(
      '| quorate | put quorum | 6,000 | 1.00 | 5.00 | 120 | 3.00 | 0.25 | 4.00 | 0.50 | 1 MiB | |',
    )
    expect(table).toContain('| single put | 6,000 | 1.00 | 5.00 | 40 | 1.00 | | | | 1 MiB | |')
    expect(table).toContain('| etcd put | 6,000 | 1.00 | 5.00 | | | | | | | |')
    expect(tableOf([row('put quorum')]).replaceAll(/ +/g, ' ')).toContain('| 120 | | 0.25 |')
  })

  it('tells medians', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
  })

  it('calls a budget met if either the time or the multiple is within it', () => {
    const within = row('single put', { cpuUs: 50 })
    const beyond = row('single put', { cpuUs: 40 })
    const put = row('put quorum', { cpuUs: 150 })
    expect(targetsOf([put, within])).toMatch(
      /quorum put +\| ≤ 130 µs or ≤ 3\.2 single puts +\| 150 µs, 3\.00 single puts +\| met/,
    )
    expect(targetsOf([put, beyond])).toMatch(/\| 150 µs, 3\.75 single puts +\| not met/)
    expect(targetsOf([put])).toMatch(/\| 150 µs +\| not met/)
    expect(targetsOf([row('get quorum', { cpuUs: 65 })])).toMatch(/≤ 65 µs +\| 65 µs +\| met/)
  })

  it('tells ratios to the rows of another system, and which p99 is lower', () => {
    const rows = [
      row('put quorum'),
      row('put strong', { p99Ms: 12 }),
      row('etcd put', { requestsPerSecond: 2000, p99Ms: 9 }),
    ]
    const targets = targetsOf(rows)
    expect(targets).toMatch(
      /quorum put \/ etcd put +\| ≥ 3 +\| 3\.00 +\| met +\| 5\.00 \/ 9\.00 ms +\| met/,
    )
    expect(targets).toMatch(
      /strong put \/ etcd put +\| ≥ 2\.5 +\| 3\.00 +\| met +\| 12\.0 \/ 9\.00 ms +\| not met/,
    )
  })

  it('compares the medians of one connection alone', () => {
    const rows = [
      row('put quorum alone', { p50Ms: 0.8 }),
      row('put strong alone', { p50Ms: 1.2 }),
      row('etcd put alone', { p50Ms: 1 }),
    ]
    const targets = targetsOf(rows)
    expect(targets).toMatch(/quorum put \/ etcd put +\| 0\.80 \/ 1\.00 ms +\| met/)
    expect(targets).toMatch(/strong put \/ etcd put +\| 1\.20 \/ 1\.00 ms +\| not met/)
    expect(targets).not.toContain('ratio')
  })

  it('has no table of targets whose rows were not measured', () => {
    expect(targetsOf([row('get weak')])).toBe('')
  })

  it('marks a row some of whose requests failed', () => {
    expect(tableOf([row('put quorum')])).not.toMatch(/!/)
    expect(tableOf([row('put quorum', { errors: 3 })])).toMatch(/\| 3 ! /)
  })

  it('says where other processes had a part of the machine', () => {
    const calm = row('put quorum')
    expect(disturbanceOf([calm])).toBe('')
    expect(disturbanceOf([calm, calm, row('put quorum', { othersShare: 0.42 })])).toMatch(
      /in 1 of 3 rounds .* up to 42 %/,
    )
  })
})
