/**
 * The counts and measurements of a node. Names and help texts are in `src/adapters/metrics`. Label values come from
 * closed sets (levels, codes, node ids), never from clients' input.
 */
export interface Metrics {
  /** Adds to a counter. */
  count(name: CounterName, labels?: MetricLabels, by?: number): void
  /** Sets a gauge. */
  gauge(name: GaugeName, value: number, labels?: MetricLabels): void
  /** Adds one observation, in seconds, to a histogram. */
  seconds(name: HistogramName, seconds: number, labels?: MetricLabels): void
}

/** Reads back what was counted and measured since the start of the process. */
export interface MetricsReader {
  counts(name: CounterName): readonly CountedSeries[]
  durations(name: HistogramName): readonly TimedSeries[]
}

export interface CountedSeries {
  readonly labels: MetricLabels
  readonly value: number
}

export interface TimedSeries {
  readonly labels: MetricLabels
  /** How many observations took at most so many seconds, and more than the bound before. The last has no bound. */
  readonly counts: readonly number[]
  readonly boundsSeconds: readonly number[]
  /** All observations together. */
  readonly seconds: number
}

/** The labels of all metrics. */
export const LABEL_NAMES = [
  'op',
  'level',
  'code',
  'peer',
  'kind',
  'limit',
  'direction',
  'reason',
] as const

export type MetricLabels = Readonly<Partial<Record<(typeof LABEL_NAMES)[number], string>>>

export type CounterName =
  | 'requests_total' // {op, level, code}: client requests ended, by outcome code ("ok" or an error code)
  | 'forwarded_total' // {peer}
  | 'read_repairs_total' // {peer}
  | 'hints_stored_total' // {peer}
  | 'hints_delivered_total' // {peer}
  | 'hints_dropped_total' // {peer}: over the cap
  | 'blind_write_second_rounds_total'
  | 'lww_second_rounds_total'
  | 'register_reads_total' // {kind}: "agreed" in one round trip, or "proposed"
  | 'register_rounds_total' // {kind}: attempts to decide, in "one trip" or "two trips"
  | 'register_conflicts_total' // {kind}: attempts that decided nothing, "conflict" or "unreachable"
  | 'session_searches_total' // {kind}: "read" or "settle"
  | 'siblings_limit_total' // {limit}: "warn" or "refuse"
  | 'clock_drift_refusals_total' // {peer}
  | 'peers_refused_total' // {peer, reason}: attempted links that this node or the peer refused
  | 'stale_epoch_refusals_total'
  | 'placement_changed_total' // requests repeated because their key moved meanwhile
  | 'moved_keys_total' // {peer}: copies taken over from that peer in a change of the members
  | 'moved_bytes_total' // {peer}
  | 'swept_keys_total' // copies dropped because this node no longer keeps their keys
  | 'late_messages_refused_total'
  | 'corrupt_records_total'
  | 'anti_entropy_rounds_total' // {peer}: comparisons of copies that were finished
  | 'anti_entropy_keys_total' // {peer}: keys that differed in those comparisons
  | 'tombstones_collected_total'
  | 'expired_values_shrunk_total'
  | 'peer_frames_total' // {direction}
  | 'peer_bytes_total' // {direction}: size of these frames
  | 'peer_messages_total' // {direction}
  | 'storage_commits_total'
  | 'storage_commit_operations_total'
  | 'log_lines_dropped_total'
  | 'audit_lines_dropped_total'
  | 'trace_spans_sent_total'
  | 'trace_spans_dropped_total' // {reason}
  | 'access_refusals_total' // {code}: unauthenticated or forbidden
  | 'rate_limited_total' // {limit}: "rate" or "in flight" of a token, or "stranger"

export type GaugeName =
  | 'hints_pending' // {peer}
  | 'hints_pending_bytes' // {peer}
  | 'peer_up' // {peer}: this node's own view, 0 or 1
  | 'partitions_without_quorum' // as this node sees them
  | 'clock_correction_seconds' // how far the agreed time is ahead of our wall clock
  | 'clock_offset_seconds' // {peer}: its stamp minus our wall clock when last heard
  | 'chaos_clock_offset_seconds' // how wrong an experiment has set the clock
  | 'storage_writable' // 0 or 1
  | 'storage_free_bytes'
  | 'certificate_expiry_seconds' // {kind}: "client", "client_ca", "peer" or "peer_ca"
  | 'plain_peer_links' // open links with other nodes without TLS, in both directions
  | 'topology_epoch'
  | 'backup_snapshots' // snapshots of the disk that are held for backups
  | 'horizon_age_seconds' // how far the horizon is behind the clock
  | 'cache_bytes'
  | 'inflight_requests'
  | 'open_to_strangers' // 0 or 1

export type HistogramName =
  | 'request_duration_seconds' // {op, level}
  | 'replica_request_duration_seconds' // {peer}
  | 'storage_commit_duration_seconds'
