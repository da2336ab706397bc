/**
 * Makes load with autocannon if wrk is not installed. It runs in this process, so it slows the measured nodes a little.
 */
import autocannon from 'autocannon'
import type { HttpWorkload, LoadResult } from '../systems/system.ts'
import { type Load, mergeResults, shareOf } from './load.ts'

export async function loadWithAutocannon(workload: HttpWorkload, load: Load): Promise<LoadResult> {
  const results = await Promise.all(
    load.urls.map(async (url, i): Promise<LoadResult> => {
      const fill = (text: string, key: string): string => text.replaceAll('{key}', key)
      const result = await autocannon({
        url,
        connections: shareOf(load.connections, load.urls.length, i),
        duration: load.seconds,
        headers: { ...load.headers },
        requests: [
          {
            method: workload.method,
            setupRequest: (request) => {
              const key = workload.keyOf(Math.floor(Math.random() * load.keys))
              const made = { ...request, path: fill(workload.path, key) }
              return workload.body === '' ? made : { ...made, body: fill(workload.body, key) }
            },
          },
        ],
      })
      return {
        answers: result['2xx'],
        requestsPerSecond: result['2xx'] / result.duration,
        p50Ms: result.latency.p50,
        p99Ms: result.latency.p99,
        errors: result.non2xx + result.errors + result.timeouts,
        bytesPerAnswer: result.throughput.total / Math.max(1, result.requests.total),
      }
    }),
  )
  return mergeResults(results)
}
