/** The gauges of one node that no other mechanism sets. */
import type { Disk } from '../../ports/disk.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { ObjectTable } from '../storage/object-table.ts'

export interface GaugeParts {
  readonly disk: Disk
  readonly table: ObjectTable
  /** Client requests under way. */
  readonly requests: { readonly inflight: number }
  readonly clock: NodeClock
}

export function showNodeGauges(
  metrics: Metrics,
  { disk, table, requests, clock }: GaugeParts,
  members: readonly string[],
): void {
  const { state, freeBytes } = disk.health()
  metrics.gauge('storage_writable', state === 'ok' ? 1 : 0)
  if (freeBytes !== undefined) metrics.gauge('storage_free_bytes', freeBytes)
  metrics.gauge('cache_bytes', table.cacheBytes)
  metrics.gauge('inflight_requests', requests.inflight)
  metrics.gauge('clock_correction_seconds', clock.correctionMs / 1000)
  for (const id of members) {
    const offsetMs = clock.offsetMs(id)
    if (offsetMs !== null) metrics.gauge('clock_offset_seconds', offsetMs / 1000, { peer: id })
  }
}
