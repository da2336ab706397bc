/**
 * Coordinates a client's write at a node that may: at an owner of the key, at any node for lww, and at a
 * fallback where a sloppy level asks for availability and no owner can be reached (design 3 and 4).
 *
 * The rules that keep acknowledged writes: only an owner mints dots with its own actor; a write counts the
 * owner's own disk; a node that believes too few owners in reach refuses before anything is applied; a blind
 * write replaces only what is older than itself; an lww write that meets a newer timestamp is written again
 * above it before it is acknowledged; and what other owners than those now in force have stored does not count.
 */
import type { Dot, Timestamp } from '../../core/causality/dot.ts'
import { seenOf } from '../../core/causality/session.ts'
import {
  ABSENT,
  contextAfter,
  coverDots,
  liveSiblings,
  write,
} from '../../core/causality/stored-object.ts'
import { EMPTY_VECTOR } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { allOwners } from '../../core/quorum/owner-groups.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { inTime } from '../peers/deadlines.ts'
import { type Copy, encodeCopy } from '../wire/object-record.ts'
import { modeOf } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest, rejection, ReplicaReports } from '../round/placed-request.ts'
import type { WriteAnswer } from '../service/service.ts'
import type { PlannedUpdate, PlannedWrite } from './type-change.ts'
import {
  type RoundFindings,
  type RoundTargets,
  type Settled,
  type StoreLocally,
  WriteRound,
} from './write-round.ts'
import { lateDisk, type Minted, WriteMinting } from './write-minting.ts'
import { NOT_ASKED, WholeBelief } from './whole-owners.ts'
import type { WriteParts } from './write-parts.ts'
import { refuseWithoutWhole, writeTargets } from './write-targets.ts'

/** Weak writes answered but not stored; more wait until they are. */
const WEAK_BACKLOG_MAX = 256

/** To whom one copy goes, under which placement. */
interface Sending {
  readonly placed: PlacedRequest
  readonly targets: RoundTargets | undefined
}

interface Met extends Sending {
  readonly round: WriteRound
}

export class WriteCoordinator {
  readonly #parts: WriteParts
  readonly #clock: Clock
  readonly #codec: Codec
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #minting: WriteMinting
  readonly #belief = new WholeBelief()
  /** Weak writes that were answered and are not stored yet. */
  #weakBacklog = 0

  constructor(
    ports: { clock: Clock; codec: Codec; log: Log; metrics: Metrics },
    parts: WriteParts,
  ) {
    this.#clock = ports.clock
    this.#codec = ports.codec
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#minting = new WriteMinting(ports, parts)
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
    const dotted = this.#write(placed, request, targets, reports)
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

  async #write(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    targets: RoundTargets,
    reports: ReplicaReports,
  ): Promise<WriteAnswer> {
    const first = await this.#mintInTime(placed, request, reports)
    try {
      return await this.#spread(placed, request, targets, reports, first)
    } catch (error) {
      throw first.endWith === undefined ? error : first.endWith(error)
    } finally {
      first.pending.release()
    }
  }

  /** Nothing has been sent yet: where the own disk takes longer than anybody waits, the write is rejected, and never made. */
  #mintInTime(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    reports: ReplicaReports,
  ): Promise<Minted> {
    const { deadlines, clock } = this.#parts
    return new Promise((resolve, reject) => {
      let isLate = false
      const leftMs = Math.max(0, placed.deadlineMs - clock.nowMs())
      const deadline = deadlines.in(leftMs, () => {
        isLate = true
        reject(lateDisk(placed))
      })
      this.#minting
        .mint(placed, request, reports, () => isLate)
        .then((minted) => {
          if (isLate) minted.pending.release()
          else resolve(minted)
        }, reject)
        .finally(() => deadlines.cancel(deadline))
    })
  }

  async #spread(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    targets: RoundTargets,
    reports: ReplicaReports,
    first: Minted,
  ): Promise<WriteAnswer> {
    const firstMet = await this.#untilPlaced({ placed, targets }, first, reports)
    let minted = first
    let { round } = firstMet
    try {
      const again = await this.#secondRound(firstMet.placed, request, first, round.findings)
      if (again !== undefined) {
        minted = again
        round = (await this.#untilPlaced(firstMet, again, reports)).round
      }
    } catch (error) {
      throw afterFirstRound(error, firstMet.round)
    }
    return {
      level: placed.level,
      coordinator: this.#parts.self,
      quorum: { need: placed.need.w, got: round.tally.got, hinted: round.tally.hinted },
      context: contextAfter(minted.copy.object, request.context, minted.dot),
      replicas: reports.list(),
      durable: true,
      ...this.#left(minted, firstMet.round.findings.existed || round.findings.existed),
      seen: seenOf(modeOf(placed.at.bucket), minted.copy.object),
    }
  }

  /** The live siblings after the write, and whether the key existed before it. A repeated delete tells what the first met. */
  #left(
    { copy, existed, repeats }: Minted,
    existedElsewhere: boolean,
  ): Pick<WriteAnswer, 'siblings' | 'existed'> {
    if (repeats !== undefined && repeats.kind !== 'increment') return { siblings: [], existed }
    const siblings = liveSiblings(copy.object, this.#parts.clock.nowMs())
    return { siblings, existed: existed || existedElsewhere }
  }

  /** What has to be written again before the write may be acknowledged, if anything. */
  async #secondRound(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    first: Minted,
    findings: RoundFindings,
  ): Promise<Minted | undefined> {
    if ('change' in request || first.repeats !== undefined) return undefined
    const isOwner = placed.owners.includes(this.#parts.self)
    const again = (copy: Copy, dot: Dot): Minted => ({
      copy,
      dot,
      existed: first.existed,
      flags: 0,
      // The first round has asked.
      whole: NOT_ASKED,
      pending: first.pending,
      storeLocally: undefined,
    })
    if (modeOf(placed.at.bucket) === 'lww') {
      // An owner holds a newer timestamp: the same content once more, above it.
      if (findings.newest <= first.dot.timestamp) return undefined
      this.#metrics.count('lww_second_rounds_total')
      this.#parts.clock.observe(findings.newest)
      const dot = { actor: this.#minting.actor, timestamp: await this.#timestampInTime(placed) }
      const object = write('lww', ABSENT, dot, request.content, undefined)
      return again(encodeCopy(this.#codec, object), dot)
    }
    const older = findings.uncovered.filter(({ timestamp }) => timestamp < first.dot.timestamp)
    if (older.length === 0 || !isOwner) return undefined
    this.#metrics.count('blind_write_second_rounds_total')
    return again(encodeCopy(this.#codec, coverDots(first.copy.object, older)), first.dot)
  }

  #timestampInTime(placed: PlacedRequest): Promise<Timestamp> {
    const { deadlines, clock } = this.#parts
    const leftMs = Math.max(0, placed.deadlineMs - clock.nowMs())
    return inTime(deadlines, leftMs, this.#minting.timestamp(), () => lateDisk(placed))
  }

  /**
   * Rounds of one copy until one is met by the owners that are in force when it is: the key may have moved meanwhile,
   * and its new owners take over only what the old ones held before.
   */
  async #untilPlaced(first: Sending, minted: Minted, reports: ReplicaReports): Promise<Met> {
    const { placedAt, placeAgain } = this.#parts
    let { placed, targets } = first
    let isDoubtful = false
    for (;;) {
      try {
        const sent = targets ?? writeTargets(placed, this.#parts)
        const round = await this.#round(placed, sent, minted, reports)
        if (placed.placedAt === placedAt()) return { placed, targets: sent, round }
        isDoubtful = true
      } catch (error) {
        if (placed.placedAt === placedAt()) throw isDoubtful ? afterMove(error) : error
        isDoubtful ||= !(error instanceof QuorateError) || error.kind.outcome === 'unknown'
      }
      this.#metrics.count('placement_changed_total')
      placed = placeAgain(placed)
      targets = undefined
      minted = { ...minted, storeLocally: undefined }
    }
  }

  /** Sends one copy everywhere; resolves when W have it durably, rejects otherwise. */
  #round(
    placed: PlacedRequest,
    targets: RoundTargets,
    minted: Minted,
    reports: ReplicaReports,
  ): Promise<WriteRound> {
    const { deadlines, clock, replica, self } = this.#parts
    const { copy, flags } = minted
    const mergeHere: StoreLocally = (done) =>
      replica.apply(placed.at, copy, flags, (_applied, refusal) => done(refusal))
    const keepsKey = allOwners(groupsOf(placed)).includes(self)
    const storeLocally = minted.storeLocally ?? (keepsKey ? mergeHere : undefined)
    return new Promise((resolve, reject) => {
      const delayMs = Math.max(0, placed.deadlineMs - clock.nowMs())
      const deadline = deadlines.in(delayMs, () => round.expire())
      const settled = (outcome: Settled): void => {
        deadlines.cancel(deadline)
        this.#learnWhole(round)
        if (outcome === 'met') resolve(round)
        else reject(this.#failure(placed, round, outcome, reports))
      }
      const all = { ...targets, storeLocally }
      const { pending } = minted
      pending.hold()
      const over = (): void => pending.release()
      const round = new WriteRound(this.#parts, placed, all, copy, minted.whole, reports, {
        settled,
        over,
      })
      round.start(all, flags)
    })
  }

  #learnWhole({ whole, notWhole }: WriteRound): void {
    const nowMs = this.#clock.monotonicMs()
    for (const owner of whole) this.#belief.learn(owner, true, nowMs)
    for (const owner of notWhole) this.#belief.learn(owner, false, nowMs)
  }

  #failure(
    placed: PlacedRequest,
    round: WriteRound,
    outcome: 'rejected' | 'unknown',
    reports: ReplicaReports,
  ): QuorateError {
    const required = Math.max(placed.need.w, 1)
    const details = { required, received: round.tally.got, replicas: reports.list() }
    const counted = `${round.tally.got} of ${required} needed copies of the write were stored`
    if (round.lacksWhole) {
      const message =
        'the write was stored, but too few owners whose copies are complete have said what it replaces: ' +
        'an older value may stand beside it, or win over it; read the key, and write again'
      const found = { ...details, required: round.wholeNeed, received: round.whole.length }
      return new QuorateError('outcome_unknown', message, found)
    }
    return outcome === 'rejected'
      ? new QuorateError('quorum_unreachable', `${counted}; nothing was applied`, {
          ...details,
          retryAfterSeconds: 1,
        })
      : new QuorateError(
          'outcome_unknown',
          `${counted} within ${placed.timeoutMs} ms; it may still be applied`,
          details,
        )
  }
}

/** A round under an earlier placement may have stored it. */
function afterMove(error: unknown): unknown {
  if (!(error instanceof QuorateError) || error.kind.outcome === 'unknown') return error
  const message = `the key has moved while it was written, and may have been: ${error.message}`
  return new QuorateError('outcome_unknown', message, error.details, { cause: error })
}

/** The first round was met, so something is stored: whatever stops the second, the outcome is not *rejected*. */
function afterFirstRound(error: unknown, round: WriteRound): unknown {
  if (!(error instanceof QuorateError) || error.kind.outcome === 'unknown') return error
  const message = `the write was stored, but could not be completed: ${error.message}`
  const details = { ...error.details, received: round.tally.got }
  return new QuorateError('outcome_unknown', message, details, { cause: error })
}
