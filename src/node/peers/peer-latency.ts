/** How long each peer takes from an ask to its answer. */
import type { MetricLabels, Metrics } from '../../ports/metrics.ts'

/** Of the newest round trip in the smoothed one. */
const NEWEST_WEIGHT = 0.1

export class PeerLatency {
  readonly #metrics: Metrics
  readonly #smoothedMs = new Map<string, number>()
  readonly #labels = new Map<string, MetricLabels>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** Smoothed; 0 before the first answer. */
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

  /** The same object each time: a series of a metric is found faster by it. */
  #labelsOf(peer: string): MetricLabels {
    const known = this.#labels.get(peer)
    if (known !== undefined) return known
    const labels = { peer }
    this.#labels.set(peer, labels)
    return labels
  }
}
