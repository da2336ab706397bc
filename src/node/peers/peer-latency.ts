/** Measures the time from a request to a peer until its answer. */
import type { MetricLabels, Metrics } from '../../ports/metrics.ts'

/** The weight of the newest round trip in the exponential moving average. */
const NEWEST_WEIGHT = 0.1

export class PeerLatency {
  readonly #metrics: Metrics
  readonly #smoothedMs = new Map<string, number>()
  readonly #labels = new Map<string, MetricLabels>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** The smoothed round-trip time in milliseconds; 0 before the first answer. */
  ms(peer: string): number {
    return this.#smoothedMs.get(peer) ?? 0
  }

  measured(peer: string, elapsedMs: number): void {
    this.#metrics.seconds(
      'replica_request_duration_seconds',
      elapsedMs / 1000,
      this.#labelsOf(peer),
    )
    const smoothedMs = this.#smoothedMs.get(peer) ?? elapsedMs
    this.#smoothedMs.set(peer, smoothedMs + (elapsedMs - smoothedMs) * NEWEST_WEIGHT)
  }

  /** Returns the same object each time, because the metrics then find the series faster. */
  #labelsOf(peer: string): MetricLabels {
    const known = this.#labels.get(peer)
    if (known !== undefined) return known
    const labels = { peer }
    this.#labels.set(peer, labels)
    return labels
  }
}
