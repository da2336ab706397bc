/**
 * Coordinates a client's write at a node that may: at an owner of the key, at any node for lww, and at a
 * fallback where a sloppy level asks for availability and no owner can be reached (design 3 and 4).
 *
 * The rules that keep acknowledged writes: only an owner mints dots with its own actor; a write counts the
 * owner's own disk; a node that believes too few owners in reach refuses before anything is applied; a blind
 * write replaces only what is older than itself; an lww write that meets a newer timestamp is written again
 * above it before it is acknowledged; and what other owners than those now in force have stored does not count.
 */
import { EMPTY_VECTOR } from '../../core/causality/version-vector.ts'
import type { WriteRound } from '../../core/replication/write-round.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { modeOf } from '../replica/replica.ts'
import { type PlacedRequest, rejection, ReplicaReports } from '../round/placed-request.ts'
import type { WriteAnswer } from '../service/service.ts'
import type { PlannedUpdate, PlannedWrite } from './type-change.ts'
import { WholeBelief } from './whole-owners.ts'
import { WriteMinting } from './write-minting.ts'
import type { WriteParts } from './write-parts.ts'
import { WriteRun, type WriteRunPorts } from './write-run.ts'
import { refuseWithoutWhole, writeTargets } from './write-targets.ts'

/** Weak writes answered but not stored; more wait until they are. */
const WEAK_BACKLOG_MAX = 256

export class WriteCoordinator {
  readonly #parts: WriteParts
  readonly #clock: Clock
  readonly #log: Log
  readonly #ports: WriteRunPorts
  readonly #minting: WriteMinting
  readonly #belief = new WholeBelief()
  /** Weak writes that were answered and are not stored yet. */
  #weakBacklog = 0

  constructor(
    ports: { clock: Clock; codec: Codec; log: Log; metrics: Metrics },
    parts: WriteParts,
  ) {
    this.#clock = ports.clock
    this.#log = ports.log
    this.#parts = parts
    this.#minting = new WriteMinting(ports, parts)
    const onSettled = (round: WriteRound): void => this.#learnWhole(round)
    this.#ports = { ...ports, minting: this.#minting, onSettled }
  }

  /** Something that this node had said is not on its disk any more: it goes on as another actor. */
  giveUpActor(): void {
    this.#minting.giveUpActor()
  }

  /** Whether this node may mint for the key; if not, an owner must (write-forward.ts). */
  mayCoordinate(placed: PlacedRequest): boolean {
    if (modeOf(placed.at.bucket) === 'lww' || placed.owners.includes(this.#parts.self)) return true
    const isAlone = !placed.owners.some((owner) => this.#parts.inReach(owner, true))
    if (!isAlone) this.#minting.letGo(placed)
    return placed.need.sloppy && isAlone
  }

  /** A peer is in reach again. */
  returned(peer: string): void {
    this.#minting.ownerReturned(peer)
  }

  /** Rejects with a `QuorateError`; resolves at W durable copies, at `weak` at once. */
  async write(placed: PlacedRequest, request: PlannedWrite | PlannedUpdate): Promise<WriteAnswer> {
    const targets = writeTargets(placed, this.#parts)
    if (placed.owners.includes(this.#parts.self)) {
      const refusal = this.#parts.replica.refusal()
      if (refusal !== undefined) throw rejection(refusal)
    }
    const nowMs = this.#clock.monotonicMs()
    const whole = this.#minting.wholeOwners(placed, request)
    refuseWithoutWhole(placed, this.#parts, targets, whole, (owner) =>
      this.#belief.mayBeWhole(owner, nowMs),
    )
    const reports = new ReplicaReports(this.#clock)
    const dotted = new Promise<WriteAnswer>((resolve, reject) => {
      const end = { answered: resolve, failed: reject }
      new WriteRun(this.#ports, this.#parts, { placed, request, targets }, reports, end).start()
    })
    // A full backlog makes a weak write as slow as an eventual one: memory has to be bounded, too.
    if (placed.level !== 'weak' || this.#weakBacklog >= WEAK_BACKLOG_MAX) return dotted
    this.#weakBacklog++
    // Accepted in memory: what becomes of it is told to the log only.
    dotted
      .catch((error: unknown) => {
        const fields = { requestId: placed.requestId, error: String(error) }
        this.#log.debug(fields, 'a weak write failed')
      })
      .finally(() => this.#weakBacklog--)
    return {
      level: placed.level,
      coordinator: this.#parts.self,
      quorum: { need: placed.need.w, got: 0, hinted: 0 },
      context: request.context ?? EMPTY_VECTOR,
      replicas: reports.list(),
      durable: false,
      siblings: [],
      existed: false,
      seen: undefined,
    }
  }

  #learnWhole({ whole, notWhole }: WriteRound): void {
    const nowMs = this.#clock.monotonicMs()
    for (const owner of whole) this.#belief.learn(owner, true, nowMs)
    for (const owner of notWhole) this.#belief.learn(owner, false, nowMs)
  }
}
