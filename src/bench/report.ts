/** Writes the result of a run: a table of medians, and one table for each kind of target. Pure. */
import { markdownTable } from './markdown-table.ts'
import type { Measurement } from './systems/system.ts'
import { BUDGETS, LATENCIES, RATIOS, SINGLE_PUT } from './targets.ts'

export interface Row {
  readonly system: string
  readonly workload: string
  readonly rounds: readonly Measurement[]
}

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
  const singlePutUs = cpuUsOf(rows, SINGLE_PUT)
  const head = [
    'system',
    'requests',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'CPU µs',
    'single puts',
    'commits',
    'messages',
    'frames',
    'memory a node',
    'errors',
  ]
  return markdownTable([head, ...rows.map((row) => cellsOf(row, singlePutUs))])
}

/** The tables of the targets whose rows were measured, one after the other. */
export function targetsOf(rows: readonly Row[]): string {
  const tables = [
    [['CPU of all nodes a request', 'budget', 'measured', ''], ...budgetCells(rows)],
    [['ratio', 'target', 'measured', '', 'p99', ''], ...ratioCells(rows)],
    [['one connection', 'p50', ''], ...latencyCells(rows)],
  ]
  return tables
    .filter(({ length }) => length > 1)
    .map(markdownTable)
    .join('\n\n')
}

function budgetCells(rows: readonly Row[]): string[][] {
  const singlePutUs = cpuUsOf(rows, SINGLE_PUT)
  return BUDGETS.flatMap(({ what, row, cpuUsMax, singlePutsMax }) => {
    const cpuUs = cpuUsOf(rows, row)
    if (cpuUs === undefined) return []
    const singlePuts = singlePutUs === undefined ? undefined : cpuUs / singlePutUs
    const isCheap =
      singlePuts !== undefined && singlePutsMax !== undefined && singlePuts <= singlePutsMax
    const budget = `≤ ${cpuUsMax} µs`
    const measured = `${Math.round(cpuUs)} µs`
    return [
      [
        what,
        singlePutsMax === undefined ? budget : `${budget} or ≤ ${singlePutsMax} single puts`,
        singlePuts === undefined ? measured : `${measured}, ${singlePuts.toFixed(2)} single puts`,
        asVerdict(cpuUs <= cpuUsMax || isCheap),
      ],
    ]
  })
}

function ratioCells(rows: readonly Row[]): string[][] {
  return RATIOS.flatMap(({ what, row: name, against: other, atLeast }) => {
    const row = rowOf(rows, name)
    const against = rowOf(rows, other)
    if (row === undefined || against === undefined) return []
    const ratio = medianOf(row, 'requestsPerSecond') / medianOf(against, 'requestsPerSecond')
    const [p99Ms, againstMs] = [medianOf(row, 'p99Ms'), medianOf(against, 'p99Ms')]
    return [
      [
        what,
        `≥ ${atLeast}`,
        ratio.toFixed(2),
        asVerdict(ratio >= atLeast),
        `${asMs(p99Ms)} / ${asMs(againstMs)} ms`,
        asVerdict(p99Ms < againstMs),
      ],
    ]
  })
}

function latencyCells(rows: readonly Row[]): string[][] {
  return LATENCIES.flatMap(({ what, row: name, against: other }) => {
    const row = rowOf(rows, name)
    const against = rowOf(rows, other)
    if (row === undefined || against === undefined) return []
    const [p50Ms, againstMs] = [medianOf(row, 'p50Ms'), medianOf(against, 'p50Ms')]
    return [[what, `${asMs(p50Ms)} / ${asMs(againstMs)} ms`, asVerdict(p50Ms < againstMs)]]
  })
}

function asVerdict(isMet: boolean): string {
  return isMet ? 'met' : 'not met'
}

function rowOf(rows: readonly Row[], workload: string): Row | undefined {
  return rows.find((row) => row.workload === workload)
}

/** The median; undefined if it was not measured. */
export function cpuUsOf(rows: readonly Row[], workload: string): number | undefined {
  return medianOfKnown(rowOf(rows, workload)?.rounds.map(({ cpuUs }) => cpuUs) ?? [])
}

function medianOf({ rounds }: Row, what: 'requestsPerSecond' | 'p50Ms' | 'p99Ms'): number {
  return median(rounds.map((round) => round[what]))
}

/** Undefined if no figure is known. */
function medianOfKnown(figures: readonly (number | undefined)[]): number | undefined {
  const known = figures.filter((figure) => figure !== undefined)
  return known.length === 0 ? undefined : median(known)
}

function cellsOf(row: Row, singlePutUs: number | undefined): string[] {
  const { system, workload, rounds } = row
  const cpuUs = medianOfKnown(rounds.map((round) => round.cpuUs))
  const counted = (what: 'commits' | 'messages' | 'frames'): string => {
    const figure = medianOfKnown(rounds.map(({ counters }) => counters?.[what]))
    return figure === undefined ? '' : figure.toFixed(2)
  }
  const rss = rounds.at(-1)?.memoryBytes ?? []
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0)
  return [
    system,
    workload,
    Math.round(medianOf(row, 'requestsPerSecond')).toLocaleString('en'),
    asMs(medianOf(row, 'p50Ms')),
    asMs(medianOf(row, 'p99Ms')),
    cpuUs === undefined ? '' : String(Math.round(cpuUs)),
    cpuUs === undefined || singlePutUs === undefined ? '' : (cpuUs / singlePutUs).toFixed(2),
    counted('commits'),
    counted('messages'),
    counted('frames'),
    rss.length === 0 ? '' : `${Math.round(median(rss) / 2 ** 20)} MiB`,
    errors === 0 ? '' : `${errors} !`,
  ]
}

/** Latencies of one connection alone are fractions of a millisecond. */
function asMs(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 1)
}
