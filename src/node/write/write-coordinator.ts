/**
 * Coordinates a client's write. An owner of the key may coordinate any write, and any node may coordinate an lww write.
 * At a sloppy level, a fallback coordinates a write if it can reach no owner. Any other node forwards the write
 * (write-forward.ts).
 *
 * A write takes these steps. write-targets.ts chooses the nodes, and refuses the write if there are too few.
 * write-minting.ts makes the first copy, or stand-in-minting.ts at a node that is no owner. write-run.ts carries out
 * core/replication/write-protocol.ts, and sends each copy through copy-fanout.ts.
 *
 * These rules keep acknowledged writes:
 * - Only an owner mints dots with its own actor.
 * - An owner that coordinates a write counts no quorum without its own disk.
 * - A node that believes too few owners to be in reach refuses the write before anything is applied.
 * - A blind write replaces only siblings that are older than itself.
 * - If an lww write meets a newer timestamp, it is written again above that timestamp before it is acknowledged.
 * - Copies at the owners of an earlier placement do not count.
 */
import { AssertionError } from '../../core/assert.ts'
import { EMPTY_VECTOR } from '../../core/causality/version-vector.ts'
import type { WriteRound } from '../../core/replication/write-round.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { modeOf } from '../replica/replica.ts'
import { type PlacedRequest, rejection, ReplicaReports } from '../round/placed-request.ts'
import { orFail, type RequestEnd } from '../round/request-end.ts'
import type { WriteAnswer } from '../service/service.ts'
import type { PlannedRequest } from './planned-request.ts'
import { WholeBelief } from './whole-owners.ts'
import { WriteMinting } from './write-minting.ts'
import type { WriteParts } from './write-parts.ts'
import { WriteRun, type WriteRunPorts } from './write-run.ts'
import { refuseWithoutWhole, writeTargets } from './write-targets.ts'

/** Weak writes that may be answered before they are stored. Further weak writes wait for their copies. */
const WEAK_BACKLOG_MAX = 256

export class WriteCoordinator {
  readonly #parts: WriteParts
  readonly #clock: Clock
  readonly #log: Log
  readonly #ports: WriteRunPorts
  readonly #minting: WriteMinting
  readonly #belief = new WholeBelief()
  /** Number of weak writes that were answered but are not stored yet. */
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
    parts.replica.givenUp.listen(() => this.giveUpActor())
    parts.reach.returned.listen((peer) => this.#minting.ownerReturned(peer))
  }

  /** Continues as a new actor, because this node has lost something from its disk that it had already sent out. */
  giveUpActor(): void {
    this.#minting.giveUpActor()
  }

  /** Whether this node may coordinate writes of the key. If not, an owner must (write-forward.ts). */
  mayCoordinate(placed: PlacedRequest): boolean {
    if (modeOf(placed.at.bucket) === 'lww' || placed.owners.includes(this.#parts.self)) return true
    const isAlone = !placed.owners.some(this.#parts.reach.isResponsive)
    if (!isAlone) this.#minting.letGo(placed)
    return placed.need.sloppy && isAlone
  }

  /**
   * Answers once W copies are durable; at level `weak`, at once. Fails with a `QuorateError`. Never throws.
   */
  write(placed: PlacedRequest, request: PlannedRequest, end: RequestEnd<WriteAnswer>): void {
    orFail(end, () => this.#start(placed, request, end))
  }

  #start(placed: PlacedRequest, request: PlannedRequest, end: RequestEnd<WriteAnswer>): void {
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
    // With a full backlog, a weak write is as slow as an eventual one: the backlog bounds memory.
    const isWeak = placed.level === 'weak' && this.#weakBacklog < WEAK_BACKLOG_MAX
    const ended = isWeak ? this.#weakEnd(placed) : end
    const reports = new ReplicaReports(this.#clock)
    new WriteRun(this.#ports, this.#parts, { placed, request, targets }, reports, ended).start()
    if (isWeak) end.answered(this.#weakAnswer(placed, request, reports))
  }

  /** The client of a weak write has its answer already, so only the log learns of a failure. */
  #weakEnd({ requestId }: PlacedRequest): RequestEnd<WriteAnswer> {
    this.#weakBacklog++
    return {
      answered: () => {
        this.#weakBacklog--
      },
      failed: (error) => {
        this.#weakBacklog--
        if (error instanceof AssertionError) throw error
        this.#log.debug({ requestId, error: String(error) }, 'a weak write failed')
      },
    }
  }

  #weakAnswer(
    placed: PlacedRequest,
    request: PlannedRequest,
    reports: ReplicaReports,
  ): WriteAnswer {
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
