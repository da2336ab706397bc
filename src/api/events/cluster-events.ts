/** Makes the events of the live view: the state of the cluster, and what this node has counted so far. */
import type { ClusterStatus, MovesStatus, NodeService } from '../../node/service/service.ts'
import type { CounterName, MetricLabels, MetricsReader } from '../../ports/metrics.ts'
import type { LiveEvent } from './live-feed.ts'

/** How often the status is told although only ages and clocks have changed. */
const REFRESH_MS = 5000

/** The counters of work for other copies, by the name that the event gives them. */
const REPAIRS = {
  readRepairs: 'read_repairs_total',
  hintsStored: 'hints_stored_total',
  hintsDelivered: 'hints_delivered_total',
  hintsDropped: 'hints_dropped_total',
  exchanges: 'anti_entropy_rounds_total',
  exchangedKeys: 'anti_entropy_keys_total',
  movedKeys: 'moved_keys_total',
} as const satisfies Record<string, CounterName>

export async function clusterEvents(
  service: NodeService,
  metrics: MetricsReader,
  openToStrangers: boolean,
): Promise<readonly LiveEvent[]> {
  const status = { ...(await service.status()), openToStrangers }
  const moves = status.moves === null ? noMoves(status) : await service.moves()
  const nowMs = service.nowMs()
  return [
    event('status', nowMs, status, statusVersion(status, nowMs)),
    event('moves', nowMs, moves),
    event('requests', nowMs, requests(metrics)),
    event('repairs', nowMs, repairs(metrics)),
  ]
}

function event(
  name: string,
  nowMs: number,
  data: object,
  version = JSON.stringify(data),
): LiveEvent {
  return { name, data: { time: new Date(nowMs).toISOString(), ...data }, version }
}

function noMoves({ epoch, lost }: ClusterStatus): MovesStatus {
  return { epoch, change: null, lost, nodes: [] }
}

/** Leaves out what changes all the time, and adds how often the status has been due since. */
function statusVersion(status: ClusterStatus, nowMs: number): string {
  const members = status.members.map((member) => ({
    ...member,
    lastHeardMsAgo: null,
    clockOffsetMs: null,
  }))
  return `${Math.floor(nowMs / REFRESH_MS)} ${JSON.stringify({ ...status, members })}`
}

function requests(metrics: MetricsReader): object {
  const durations = metrics.durations('request_duration_seconds')
  return {
    counts: metrics
      .counts('requests_total')
      .map(({ labels: { op, level, code }, value: count }) => ({ op, level, code, count })),
    boundsSeconds: durations[0]?.boundsSeconds ?? [],
    durations: durations.map(({ labels: { op, level }, counts, seconds }) => ({
      op,
      level,
      counts,
      seconds,
    })),
  }
}

function repairs(metrics: MetricsReader): object {
  const entries = Object.entries(REPAIRS).map(([name, counter]) => [
    name,
    Object.fromEntries(
      metrics.counts(counter).map(({ labels, value }) => [peerOf(labels), value]),
    ) as Record<string, number>,
  ])
  return Object.fromEntries(entries) as object
}

function peerOf({ peer = '' }: MetricLabels): string {
  return peer
}
