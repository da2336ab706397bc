/**
 * The links that were refused lately, by this node or by a peer: for status and metrics. If so many peers refuse this
 * process for another one with its node id that it has lost its place (core/membership/displacement.ts), it rejects
 * requests. Safety does not depend on this list: it rests on the fences of the peers (life-fences.ts).
 */
import {
  isDisplaced,
  isDisplacedForGood,
  type PeersOfProcess,
} from '../../core/membership/displacement.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { PeerRefusal, RefusalReason } from '../../ports/network.ts'

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
  readonly #others: () => readonly string[]
  readonly #noted = new Map<string, Noted>()
  /** Peers that have given up this process for a newer one, with what they said. */
  readonly #givenUpBy = new Map<string, string>()
  #superseded: string | undefined
  /** Whether this node's own link to the peer is there: then the peer refuses it no more. */
  isLinked: (peer: string) => boolean = () => false

  constructor(
    ports: { clock: Clock; metrics: Metrics },
    /** The other members. */
    others: () => readonly string[],
  ) {
    this.#clock = ports.clock
    this.#metrics = ports.metrics
    this.#others = others
  }

  note(refusal: PeerRefusal): void {
    const { peer, by, reason } = refusal
    // What a stranger calls itself is no label of a metric.
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

  /** The members as they stand to this process, where these have refused it. */
  #peersWith(refused: readonly string[]): PeersOfProcess {
    const others = this.#others()
    const linked = others.filter((id) => this.isLinked(id))
    const refusing = others.filter((id) => refused.includes(id) && !linked.includes(id))
    return { members: others.length + 1, refusing: refusing.length, linked: linked.length }
  }

  /** Whether this process has lost its place to a newer one of this node: it stays so. */
  get isSuperseded(): boolean {
    return this.#superseded !== undefined
  }

  /** Why this process may not speak for its node, as far as the peers have told lately. */
  whyNotThisProcess(): string | undefined {
    if (this.#superseded !== undefined || this.#noted.size === 0) return this.#superseded
    const isForAnother = ({ by, reason }: PeerRefusal): boolean =>
      by === 'peer' && (reason === 'identity_in_use' || reason === 'superseded')
    const refusals = this.current().filter(isForAnother)
    if (!isDisplaced(this.#peersWith(refusals.map(({ peer }) => peer)))) return undefined
    return refusals[0]?.message
  }

  /** The peers of whose id this node refuses a second process. */
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

  current(): readonly PeerRefusal[] {
    const sinceMs = this.#clock.monotonicMs() - LATELY_MS
    return [...this.#noted.values()]
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ refusal }) => refusal)
      .filter(({ by, peer }) => by === 'self' || !this.isLinked(peer))
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
