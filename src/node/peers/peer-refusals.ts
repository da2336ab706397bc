/**
 * Remembers the links that this node or a peer has refused lately, for status and metrics.
 *
 * Peers may refuse this process because they accept another process with its node id. If enough peers do, this process
 * has lost its place in the cluster (core/membership/displacement.ts) and rejects client requests. Safety does not
 * depend on this list: it rests on the fences of the peers (life-fences.ts).
 */
import {
  isDisplaced,
  isDisplacedForGood,
  type PeersOfProcess,
} from '../../core/membership/displacement.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Network, PeerRefusal, RefusalReason } from '../../ports/network.ts'

/** A refusal is current for this long. A refused peer tries again twice a second. */
const LATELY_MS = 5000
const KEPT_MAX = 100
/** Refusals that every start causes for a moment. They are not kept. */
const PASSING: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['no_cluster_yet'])

interface Noted {
  readonly refusal: PeerRefusal
  readonly atMs: number
}

export class PeerRefusals {
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #network: Network
  readonly #others: () => readonly string[]
  readonly #noted = new Map<string, Noted>()
  /** Peer → its message, for each peer that has accepted a newer process instead of this one. */
  readonly #givenUpBy = new Map<string, string>()
  #superseded: string | undefined

  constructor(
    ports: { clock: Clock; metrics: Metrics; network: Network },
    /** The other members. */
    others: () => readonly string[],
  ) {
    this.#clock = ports.clock
    this.#metrics = ports.metrics
    this.#network = ports.network
    this.#others = others
  }

  note(refusal: PeerRefusal): void {
    const { peer, by, reason } = refusal
    // A stranger can call itself anything, so its name must not become a label of a metric.
    const label = this.#others().includes(peer) ? { peer } : {}
    this.#metrics.count('peers_refused_total', { ...label, reason })
    if (PASSING.has(reason)) return
    if (by === 'peer' && reason === 'superseded') this.#givenUp(peer, refusal.message)
    const key = `${by} ${reason} ${peer}`
    this.#noted.delete(key)
    this.#noted.set(key, { refusal, atMs: this.#clock.monotonicMs() })
    for (const oldest of this.#noted.keys()) {
      if (this.#noted.size <= KEPT_MAX) break
      this.#noted.delete(oldest)
    }
  }

  #givenUp(peer: string, message: string): void {
    this.#givenUpBy.set(peer, message)
    const peers = this.#peersWith([...this.#givenUpBy.keys()])
    if (isDisplacedForGood(peers)) this.#superseded ??= message
  }

  /** Counts the members that refuse this process, and those that have a link with it. */
  #peersWith(refused: readonly string[]): PeersOfProcess {
    const others = this.#others()
    const linked = others.filter((id) => this.#network.isOpen(id))
    const refusing = others.filter((id) => refused.includes(id) && !linked.includes(id))
    return { members: others.length + 1, refusing: refusing.length, linked: linked.length }
  }

  /** Whether a newer process of this node has taken the place of this one. This never reverts. */
  get isSuperseded(): boolean {
    return this.#superseded !== undefined
  }

  /** The reason why this process must not act as its node, from the recent refusals of peers; undefined if it may. */
  whyNotThisProcess(): string | undefined {
    if (this.#superseded !== undefined || this.#noted.size === 0) return this.#superseded
    const isForAnother = ({ by, reason }: PeerRefusal): boolean =>
      by === 'peer' && (reason === 'identity_in_use' || reason === 'superseded')
    const refusals = this.current().filter(isForAnother)
    if (!isDisplaced(this.#peersWith(refusals.map(({ peer }) => peer)))) return undefined
    return refusals[0]?.message
  }

  /** The peers for which this node refuses a second process with the same id. */
  twins(): readonly string[] {
    const isTwin = ({ by, reason }: PeerRefusal): boolean =>
      by === 'self' && (reason === 'identity_in_use' || reason === 'superseded')
    return [
      ...new Set(
        this.current()
          .filter(isTwin)
          .map(({ peer }) => peer),
      ),
    ]
  }

  /** The refusals of late. If this node has a link to a peer, that peer does not refuse it any more. */
  current(): readonly PeerRefusal[] {
    const sinceMs = this.#clock.monotonicMs() - LATELY_MS
    return [...this.#noted.values()]
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ refusal }) => refusal)
      .filter(({ by, peer }) => by === 'self' || !this.#network.isOpen(peer))
  }
}

/** The part of the cluster's status sentence about refused links; '' if there are none. */
export function refusalWords(self: string, refusals: readonly PeerRefusal[]): string {
  return refusals
    .map(({ peer, by, message }) =>
      by === 'self'
        ? ` ${self} refuses ${peer}: ${message}.`
        : ` ${peer} refuses ${self}: ${message}.`,
    )
    .join('')
}
