/** What a load generator is asked for, and how the results of several processes become one. Pure. */
import type { LoadResult } from '../systems/system.ts'

export interface Load {
  readonly urls: readonly string[]
  /** The headers of each request. */
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  readonly keys: number
  /** Aborts the load. */
  readonly stop: AbortSignal
}

/** Adds the rates, weights medians and sizes by the rates, and takes the worst p99. */
export function mergeResults(results: readonly LoadResult[]): LoadResult {
  const sum = (what: 'answers' | 'requestsPerSecond' | 'errors'): number =>
    results.reduce((total, result) => total + result[what], 0)
  const rate = sum('requestsPerSecond')
  const weighted = (what: 'p50Ms' | 'bytesPerAnswer'): number =>
    rate === 0 ? 0 : results.reduce((total, r) => total + r[what] * r.requestsPerSecond, 0) / rate
  return {
    answers: sum('answers'),
    requestsPerSecond: rate,
    p50Ms: weighted('p50Ms'),
    p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    errors: sum('errors'),
    bytesPerAnswer: weighted('bytesPerAnswer'),
  }
}

/** Divides evenly: 64 by three gives 22, 21, 21. wrk needs at least one connection. */
export function shareOf(connections: number, parts: number, part: number): number {
  return Math.max(1, Math.floor(connections / parts) + (part < connections % parts ? 1 : 0))
}
