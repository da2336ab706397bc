/** The links that were refused lately, by this node or by a peer: for status and metrics. Nothing here decides anything. */
import type { Clock } from '../ports/clock.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { PeerRefusal, RefusalReason } from '../ports/network.ts'

/** A refused peer comes again twice a second. */
const LATELY_MS = 5000
const KEPT_MAX = 100
/** Part of every start, and over in a moment. */
const PASSING: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['no_cluster_yet'])

interface Noted {
  readonly refusal: PeerRefusal
  readonly atMs: number
}

export class PeerRefusals {
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #isMember: (node: string) => boolean
  readonly #noted = new Map<string, Noted>()

  constructor(
    ports: { clock: Clock; metrics: Metrics },
    parts: { isMember: (node: string) => boolean },
  ) {
    this.#clock = ports.clock
    this.#metrics = ports.metrics
    this.#isMember = parts.isMember
  }

  note(refusal: PeerRefusal): void {
    const { peer, by, reason } = refusal
    // What a stranger calls itself is no label of a metric.
    const label = this.#isMember(peer) ? { peer } : {}
    this.#metrics.count('peers_refused_total', { ...label, reason })
    if (PASSING.has(reason)) return
    const key = `${by} ${reason} ${peer}`
    this.#noted.delete(key)
    this.#noted.set(key, { refusal, atMs: this.#clock.monotonicMs() })
    for (const oldest of this.#noted.keys()) {
      if (this.#noted.size <= KEPT_MAX) break
      this.#noted.delete(oldest)
    }
  }

  /** The link is there. */
  linked(peer: string): void {
    for (const [key, { refusal }] of this.#noted) {
      if (refusal.peer === peer && refusal.by === 'peer') this.#noted.delete(key)
    }
  }

  current(): readonly PeerRefusal[] {
    const sinceMs = this.#clock.monotonicMs() - LATELY_MS
    return [...this.#noted.values()]
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ refusal }) => refusal)
  }
}

/** For the sentence on the cluster; '' where nothing was refused. */
export function refusalWords(self: string, refusals: readonly PeerRefusal[]): string {
  return refusals
    .map(({ peer, by, message }) =>
      by === 'self'
        ? ` ${self} refuses ${peer}: ${message}.`
        : ` ${peer} refuses ${self}: ${message}.`,
    )
    .join('')
}
