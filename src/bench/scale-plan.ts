/** Which sizes of a cluster `npm run bench:scale` measures, and how it reports them. Pure. */
import { UsageError } from '../command-line/usage-error.ts'
import { markdownTable } from './markdown-table.ts'
import type { NodeCounters } from './systems/system.ts'

export interface ScaleSize {
  readonly nodes: number
  readonly keys: number
  readonly valueBytes: number
}

/** Undefined: any. */
export interface ScaleChoice {
  readonly nodes: readonly number[] | undefined
  readonly keys: readonly number[] | undefined
  readonly valueBytes: readonly number[] | undefined
}

export interface ScaleResult {
  readonly size: ScaleSize
  /** The CPU time of all nodes per request, by the name of the workload; undefined if it is not known. */
  readonly cpuUs: Readonly<Record<ScaleWorkload, number | undefined>>
  /** What all nodes counted per quorum put, in the last round. */
  readonly putCounters: NodeCounters | undefined
  /** The resident memory of a node after the load. */
  readonly memoryBytes: number | undefined
  /** What each key needs on each of its owners; undefined if too few keys make it uncertain. */
  readonly bytesPerKey: { readonly memory: number; readonly disk: number } | undefined
}

export const SCALE_WORKLOADS = ['put quorum', 'get quorum', 'get eventual'] as const
export type ScaleWorkload = (typeof SCALE_WORKLOADS)[number]

const BASE: ScaleSize = { nodes: 3, keys: 10_000, valueBytes: 1024 }

/** In each size but the first, one number differs from the first. */
const SIZES: readonly ScaleSize[] = [
  BASE,
  ...[5, 7, 9].map((nodes) => ({ ...BASE, nodes })),
  ...[100_000, 1_000_000].map((keys) => ({ ...BASE, keys })),
  ...[100, 65_536].map((valueBytes) => ({ ...BASE, valueBytes })),
]

/**
 * Whether the keys are written into the databases before the nodes start, because requests would take too long. Only
 * three nodes own all keys.
 */
export function isFilledBefore({ keys }: ScaleSize): boolean {
  return keys > BASE.keys
}

/** The sizes that have the chosen numbers. Throws UsageError if there are none. */
export function chooseSizes(choice: ScaleChoice): ScaleSize[] {
  const has = (what: keyof ScaleSize, size: ScaleSize): boolean =>
    choice[what]?.includes(size[what]) ?? true
  const chosen = SIZES.filter(
    (size) => has('nodes', size) && has('keys', size) && has('valueBytes', size),
  )
  if (chosen.length > 0) return chosen
  const known = SIZES.map((size) => `${size.nodes} ${size.keys} ${size.valueBytes}`)
  throw new UsageError(
    `no row has these numbers; nodes, keys and bytes of a value can be: ${known.join(', ')}`,
  )
}

/** A table with one row for each size. Costs are also told as multiples of those of the first size. */
export function scaleTable(results: readonly ScaleResult[]): string {
  const base = results.find(({ size }) => size === BASE)
  const head = [
    'nodes',
    'keys',
    'value',
    ...SCALE_WORKLOADS,
    'messages a put',
    'frames',
    'commits',
    'memory a node',
    'memory a key',
    'disk a key',
  ]
  const rows = results.map(({ size, cpuUs, putCounters, memoryBytes, bytesPerKey }) => [
    String(size.nodes),
    size.keys.toLocaleString('en'),
    size.valueBytes < 1024 ? `${size.valueBytes} B` : `${size.valueBytes / 1024} KiB`,
    ...SCALE_WORKLOADS.map((workload) => asCost(cpuUs[workload], base?.cpuUs[workload])),
    putCounters?.messages.toFixed(2) ?? '',
    putCounters?.frames.toFixed(2) ?? '',
    putCounters?.commits.toFixed(2) ?? '',
    memoryBytes === undefined ? '' : `${Math.round(memoryBytes / 2 ** 20)} MiB`,
    bytesPerKey === undefined ? '' : `${Math.round(bytesPerKey.memory)} B`,
    bytesPerKey === undefined ? '' : `${Math.round(bytesPerKey.disk)} B`,
  ])
  return markdownTable([head, ...rows])
}

function asCost(cpuUs: number | undefined, baseUs: number | undefined): string {
  if (cpuUs === undefined) return ''
  const told = `${Math.round(cpuUs)} µs`
  return baseUs === undefined ? told : `${told} (${(cpuUs / baseUs).toFixed(2)})`
}
