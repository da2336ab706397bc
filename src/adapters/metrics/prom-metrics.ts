/**
 * Metrics for Prometheus through prom-client. Every request and message counts something, so counters and
 * histograms are plain numbers here for speed. prom-client reads them only when somebody requests the metrics.
 */
import { collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client'

import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  LABEL_NAMES,
  type MetricLabels,
  type Metrics,
  type MetricsReader,
} from '../../ports/metrics.ts'

export interface PromMetrics extends Metrics, MetricsReader {
  /** The exposition text. */
  render(): Promise<string>
  readonly contentType: string
}

const COUNTERS: Readonly<Record<CounterName, string>> = {
  requests_total: 'Client requests ended, by operation, level and outcome code.',
  forwarded_total: 'Writes forwarded to an owner of the key, by owner.',
  read_repairs_total: 'Owners brought up to date by a read, by owner.',
  hints_stored_total: 'Hints made durable here, by the owner they are for.',
  hints_delivered_total: 'Hints that their owner has made durable, by owner.',
  hints_dropped_total: 'Hints dropped because there was no room, by owner.',
  blind_write_second_rounds_total:
    'Blind writes that had to cover older siblings in a second round.',
  lww_second_rounds_total: 'Last-writer-wins writes written again above a newer timestamp.',
  register_reads_total:
    'Reads of strong keys, by kind: the owners agreed, or a proposal had to make them.',
  register_rounds_total: 'Attempts to decide a value of a strong key, by kind: one or two trips.',
  register_conflicts_total:
    'Attempts on a strong key that decided nothing, by kind: conflict or unreachable.',
  placement_changed_total:
    'Requests repeated because the owners of their key had changed meanwhile.',
  moved_keys_total: 'Copies taken over from a peer for a change of the members, by peer.',
  moved_bytes_total: 'Bytes of the copies taken over from a peer, by peer.',
  swept_keys_total: 'Copies dropped because this node no longer owns their keys.',
  session_searches_total:
    'Searches for versions that a session had seen, by kind: to read them, or to bring them to all owners.',
  siblings_limit_total: 'Writes that reached a limit of siblings, by limit: warn or refuse.',
  clock_drift_refusals_total: 'Frames of peers whose clock is too far ahead, by peer.',
  peers_refused_total:
    'Attempts to link that this node or the peer refused, by peer (none for strangers) and reason.',
  stale_epoch_refusals_total: 'Asks refused because their topology is older.',
  late_messages_refused_total: 'Asks refused because their deadline had passed.',
  corrupt_records_total: 'Damaged records found.',
  anti_entropy_rounds_total: 'Finished comparisons of all shared copies, by peer.',
  anti_entropy_keys_total: 'Keys that differed in such comparisons and were reconciled, by peer.',
  tombstones_collected_total: 'Deletes and expired values forgotten once all owners held them.',
  expired_values_shrunk_total:
    'Expired values whose bytes were freed before the values could be forgotten.',
  peer_frames_total: 'Frames exchanged with peers, by direction.',
  peer_bytes_total: 'Bytes of the frames exchanged with peers, by direction.',
  peer_messages_total: 'Asks and answers exchanged with peers, by direction.',
  storage_commits_total: 'Batches written to the disk.',
  storage_commit_operations_total: 'Operations in those batches.',
  log_lines_dropped_total: 'Log lines dropped because the log could not be written.',
  audit_lines_dropped_total: 'Lines of the audit log dropped because it could not be written.',
  trace_spans_sent_total: 'Spans that the collector has taken.',
  trace_spans_dropped_total:
    'Spans that were recorded and lost, by reason: queue_full, refused or not_sent.',
  access_refusals_total: 'Requests refused for want of a valid token or of a right, by code.',
  rate_limited_total:
    'Requests refused because there were too many, by limit: rate or in flight of a token, or stranger.',
}

const GAUGES: Readonly<Record<GaugeName, string>> = {
  hints_pending: 'Hints kept here, by the owner they are for.',
  hints_pending_bytes: 'Bytes of the hints kept here, by the owner they are for.',
  peer_up: 'Whether this node reaches the peer: 0 or 1.',
  partitions_without_quorum:
    'Data partitions of which this node reaches no majority of the owners.',
  clock_correction_seconds: "How far the time of the members is ahead of this node's clock.",
  clock_offset_seconds: "The clock of the peer minus this node's, when last heard.",
  chaos_clock_offset_seconds: 'How wrong `npm run chaos -- skew` has set the clock of this node.',
  storage_writable: 'Whether the disk takes writes: 0 or 1.',
  storage_free_bytes: 'Bytes free beyond the reserve.',
  backup_snapshots: 'Snapshots of the disk that are held for backups.',
  horizon_age_seconds:
    'Age of the horizon: all members have settled every write that is older than this.',
  certificate_expiry_seconds:
    'Time until the first certificate of the file expires, by kind: client or peer, or the CA of either.',
  plain_peer_links: 'Open links with other nodes that are not encrypted, in both directions.',
  topology_epoch: 'Epoch of the topology in force here.',
  cache_bytes: 'Bytes of objects kept in memory.',
  inflight_requests: 'Client requests under way.',
  open_to_strangers:
    'Whether a port beyond this machine lets strangers in: clients without a token, or nodes without TLS: 0 or 1.',
}

const HISTOGRAMS: Readonly<Record<HistogramName, string>> = {
  request_duration_seconds: 'Duration of client requests, by operation and level.',
  replica_request_duration_seconds: 'Time until a peer answered an ask, by peer.',
  storage_commit_duration_seconds: 'Time to write a batch to the disk.',
}

const PREFIX = 'quorate_'
const BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
const NO_LABELS: MetricLabels = {}

/** One labelled time series: plain numbers. */
interface Series {
  readonly labels: MetricLabels
  value: number
}

/** Finds a series by the values of its labels. A label object that it has seen before needs no string. */
class SeriesTable<T extends { readonly labels: MetricLabels }> {
  readonly #byText = new Map<string, T>()
  readonly #byObject = new WeakMap<MetricLabels, T>()
  readonly #make: (labels: MetricLabels) => T

  constructor(make: (labels: MetricLabels) => T) {
    this.#make = make
  }

  of(labels: MetricLabels): T {
    const cached = this.#byObject.get(labels)
    if (cached !== undefined) return cached
    const text = Object.values(labels).join('\u0000')
    let series = this.#byText.get(text)
    if (series === undefined) {
      series = this.#make(labels)
      this.#byText.set(text, series)
    }
    this.#byObject.set(labels, series)
    return series
  }

  all(): Iterable<T> {
    return this.#byText.values()
  }
}

export function createPromMetrics(): PromMetrics {
  const registry = new Registry()
  // Without a prefix, because the usual dashboards for processes and Node.js expect these names.
  collectDefaultMetrics({ register: registry })
  const counters = mapValues(COUNTERS, (name, help) => registerCounter(registry, name, help))
  const gauges = mapValues(GAUGES, (name, help) => registerGauge(registry, name, help))
  const histograms = mapValues(HISTOGRAMS, (name, help) => registerHistogram(registry, name, help))
  return {
    count: (name, labels = NO_LABELS, by = 1) => {
      counters[name].of(labels).value += by
    },
    gauge: (name, value, labels = NO_LABELS) => {
      gauges[name].of(labels).value = value
    },
    seconds: (name, seconds, labels = NO_LABELS) => observe(histograms[name].of(labels), seconds),
    counts: (name) => [...counters[name].all()].map((series) => ({ ...series })),
    durations: (name) =>
      [...histograms[name].all()].map(({ labels, counts, seconds }) => ({
        labels,
        counts: [...counts],
        boundsSeconds: BUCKETS_SECONDS,
        seconds,
      })),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function registerCounter(registry: Registry, name: string, help: string): SeriesTable<Series> {
  const table = new SeriesTable<Series>((labels) => ({ labels, value: 0 }))
  new Counter({
    name: PREFIX + name,
    help,
    labelNames: [...LABEL_NAMES],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of table.all()) this.inc({ ...labels }, value)
    },
  })
  return table
}

function registerGauge(registry: Registry, name: string, help: string): SeriesTable<Series> {
  const table = new SeriesTable<Series>((labels) => ({ labels, value: 0 }))
  new Gauge({
    name: PREFIX + name,
    help,
    labelNames: [...LABEL_NAMES],
    registers: [registry],
    collect() {
      for (const { labels, value } of table.all()) this.set({ ...labels }, value)
    },
  })
  return table
}

/** The observations of one labelled time series. */
interface Timing {
  readonly labels: MetricLabels
  /** `counts[i]` is the number of observations in bucket i alone; the last bucket has no upper bound. */
  readonly counts: number[]
  seconds: number
}

function registerHistogram(registry: Registry, name: string, help: string): SeriesTable<Timing> {
  const table = new SeriesTable<Timing>((labels) => ({
    labels,
    counts: Array.from({ length: BUCKETS_SECONDS.length + 1 }, () => 0),
    seconds: 0,
  }))
  const fullName = PREFIX + name
  // The registry needs only these members of a metric. prom-client's own histogram cannot be filled with counts.
  const metric = {
    name: fullName,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => {
      const values = [...table.all()].flatMap((timing) => exposedValues(fullName, timing))
      return Promise.resolve({ name: fullName, help, type: 'histogram', values })
    },
  }
  registry.registerMetric(metric as unknown as Metric)
  return table
}

function observe(timing: Timing, seconds: number): void {
  let bucket = 0
  while (seconds > (BUCKETS_SECONDS[bucket] ?? Infinity)) bucket++
  timing.counts[bucket] = (timing.counts[bucket] ?? 0) + 1
  timing.seconds += seconds
}

interface ExposedValue {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** In the exposition format, each bucket also counts the observations of the smaller ones. */
function exposedValues(name: string, { labels, counts, seconds }: Timing): ExposedValue[] {
  let total = 0
  const buckets = counts.map((count, i) => {
    total += count
    const le = BUCKETS_SECONDS[i] ?? '+Inf'
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seconds },
    { metricName: `${name}_count`, labels, value: total },
  ]
}

function mapValues<K extends string, V>(
  helps: Readonly<Record<K, string>>,
  make: (name: K, help: string) => V,
): Record<K, V> {
  const entries = Object.entries(helps) as [K, string][]
  return Object.fromEntries(entries.map(([name, help]) => [name, make(name, help)])) as Record<K, V>
}
