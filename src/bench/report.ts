/** Writes the result of a run: a table of medians, and the ratios that count. Pure. */
import type { Measurement } from './systems/system.ts'

export interface Row {
  readonly system: string
  readonly workload: string
  readonly rounds: readonly Measurement[]
}

/** A ratio of two rows of one run. */
export interface Target {
  readonly what: string
  readonly row: string
  readonly against: string
  /** `row` must have at least so many times the requests a second of `against`. */
  readonly atLeast: number
  /** Whether the p99 of `row` must be below that of `against`. */
  readonly comparesP99: boolean
}

/** The targets of the store. */
export const TARGETS: readonly Target[] = [
  {
    what: 'quorum put / etcd put',
    row: 'put quorum',
    against: 'etcd put',
    atLeast: 3,
    comparesP99: true,
  },
  {
    what: 'quorum put / single-node put',
    row: 'put quorum',
    against: 'single put',
    atLeast: 0.6,
    comparesP99: false,
  },
  {
    what: 'quorum get / etcd linearizable',
    row: 'get quorum',
    against: 'etcd linearizable',
    atLeast: 2,
    comparesP99: true,
  },
  {
    what: 'strong put / etcd put',
    row: 'put strong',
    against: 'etcd put',
    atLeast: 2,
    comparesP99: true,
  },
  {
    what: 'strong get / etcd linearizable',
    row: 'get strong',
    against: 'etcd linearizable',
    atLeast: 2,
    comparesP99: true,
  },
  {
    what: 'eventual get / etcd serializable',
    row: 'get eventual',
    against: 'etcd serializable',
    atLeast: 4,
    comparesP99: true,
  },
]

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** If other processes use more than this share, the figures are those of a smaller machine. */
export const OTHERS_SHARE_MAX = 0.1

/** A sentence if other processes disturbed the run; otherwise ''. */
export function disturbanceOf(rows: readonly Row[]): string {
  const shares = rows.flatMap(({ rounds }) => rounds.map(({ othersShare = 0 }) => othersShare))
  const disturbed = shares.filter((share) => share >= OTHERS_SHARE_MAX)
  if (disturbed.length === 0) return ''
  const worst = asPercent(Math.max(...disturbed))
  return ` DISTURBED: in ${disturbed.length} of ${shares.length} rounds other processes took up to ${worst} of the processors, so these ratios do not count.`
}

export function asPercent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function tableOf(rows: readonly Row[]): string {
  const cells = [
    [
      'system',
      'requests',
      'requests/s',
      'p50 ms',
      'p99 ms',
      'CPU a node',
      'memory a node',
      'errors',
    ],
    ...rows.map(cellsOf),
  ]
  return asMarkdown(cells)
}

/** The table of the targets whose rows were measured. */
export function ratiosOf(rows: readonly Row[]): string {
  const cells = TARGETS.flatMap((target) => {
    const row = rows.find(({ workload }) => workload === target.row)
    const against = rows.find(({ workload }) => workload === target.against)
    if (row === undefined || against === undefined) return []
    const ratio = rateOf(row) / rateOf(against)
    const isFast = ratio >= target.atLeast
    const tails = `${p99Of(row).toFixed(1)} / ${p99Of(against).toFixed(1)} ms`
    const isEven = !target.comparesP99 || p99Of(row) < p99Of(against)
    return [
      [
        target.what,
        `≥ ${target.atLeast}`,
        ratio.toFixed(2),
        isFast ? 'met' : 'not met',
        target.comparesP99 ? tails : '',
        target.comparesP99 ? (isEven ? 'met' : 'not met') : '',
      ],
    ]
  })
  return asMarkdown([['ratio', 'target', 'measured', '', 'p99', ''], ...cells])
}

function rateOf({ rounds }: Row): number {
  return median(rounds.map(({ requestsPerSecond }) => requestsPerSecond))
}

function p99Of({ rounds }: Row): number {
  return median(rounds.map(({ p99Ms }) => p99Ms))
}

function cellsOf(row: Row): string[] {
  const { system, workload, rounds } = row
  const cpu = rounds.flatMap(({ cpuShares }) => cpuShares ?? [])
  const rss = rounds.at(-1)?.rssBytes ?? []
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0)
  return [
    system,
    workload,
    Math.round(rateOf(row)).toLocaleString('en'),
    median(rounds.map(({ p50Ms }) => p50Ms)).toFixed(1),
    p99Of(row).toFixed(1),
    cpu.length === 0 ? '' : asPercent(median(cpu)),
    rss.length === 0 ? '' : `${Math.round(median(rss) / 2 ** 20)} MiB`,
    errors === 0 ? '' : `${errors} !`,
  ]
}

function asMarkdown([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) =>
    Math.max(...[head, ...body].map((row) => (row[i] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (row[i] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
