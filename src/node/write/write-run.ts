/**
 * Runs one client's write: makes its copies, sends them, and reports the outcome. core/replication/write-protocol.ts
 * decides each next step; this class carries it out.
 *
 * The disk, the peers and the deadline drive every step by callback. Only a new timestamp is awaited as a promise.
 */
import type { Dot, Timestamp } from '../../core/causality/dot.ts'
import { seenOf } from '../../core/causality/session.ts'
import {
  ABSENT,
  contextAfter,
  coverDots,
  liveSiblings,
  type StoredObject,
  write,
} from '../../core/causality/stored-object.ts'
import { assert } from '../../core/assert.ts'
import { QuorateError } from '../../core/errors.ts'
import { type WriteKind, WriteProtocol } from '../../core/replication/write-protocol.ts'
import type { WriteRound, WriteTargets } from '../../core/replication/write-round.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Deadline } from '../peers/deadlines.ts'
import { modeOf } from '../replica/replica.ts'
import {
  groupsOf,
  lateError,
  type PlacedRequest,
  type ReplicaReports,
} from '../round/placed-request.ts'
import type { RequestEnd } from '../round/request-end.ts'
import type { WriteAnswer } from '../service/service.ts'
import { encodeCopy } from '../wire/object-record.ts'
import { CopyFanout, type Outgoing } from './copy-fanout.ts'
import type { PlannedRequest, PlannedWrite } from './planned-request.ts'
import { NOT_ASKED } from './whole-owners.ts'
import { doubted, lateDisk, unmetError } from './write-errors.ts'
import type { Minted, WriteMinting } from './write-minting.ts'
import type { WriteParts } from './write-parts.ts'
import { writeTargets } from './write-targets.ts'

export interface WriteRunPorts {
  readonly codec: Codec
  readonly metrics: Metrics
  readonly minting: WriteMinting
  /** Called with each round once it is settled. */
  readonly onSettled: (round: WriteRound) => void
}

export class WriteRun {
  readonly #ports: WriteRunPorts
  readonly #parts: WriteParts
  readonly #request: PlannedRequest
  readonly #reports: ReplicaReports
  readonly #end: RequestEnd<WriteAnswer>
  #placed: PlacedRequest
  #targets: WriteTargets
  #deadline: Deadline | undefined
  /** The first copy; undefined until it is made. */
  #minted: Minted | undefined
  #protocol: WriteProtocol | undefined
  #outgoing: Outgoing | undefined
  /** The dot of the current copy. */
  #dot: Dot | undefined
  /** The round in progress; undefined while a copy is being made. */
  #fanout: CopyFanout | undefined
  #isOver = false
  #isLate = false

  constructor(
    ports: WriteRunPorts,
    parts: WriteParts,
    request: {
      placed: PlacedRequest
      request: PlannedRequest
      targets: WriteTargets
    },
    reports: ReplicaReports,
    end: RequestEnd<WriteAnswer>,
  ) {
    this.#ports = ports
    this.#parts = parts
    this.#placed = request.placed
    this.#request = request.request
    this.#targets = request.targets
    this.#reports = reports
    this.#end = end
  }

  start(): void {
    const isGivenUp = (): boolean => this.#isOver
    this.#waitForDeadline()
    this.#ports.minting.mint(this.#placed, this.#request, this.#reports, isGivenUp, {
      minted: (minted) => this.#begin(minted),
      failed: (error) => {
        if (!this.#isOver) this.#fail(error)
      },
    })
  }

  #begin(minted: Minted): void {
    if (this.#isOver) {
      minted.pending.release()
      return
    }
    this.#minted = minted
    this.#dot = minted.dot
    this.#outgoing = minted
    this.#protocol = new WriteProtocol(this.#kindOf(minted), minted.dot)
    this.#orFail(() => this.#send())
  }

  #kindOf({ repeats }: Minted): WriteKind {
    if ('change' in this.#request || repeats !== undefined) return 'leaves-unseen'
    if (modeOf(this.#placed.at.bucket) === 'lww') return 'lww'
    // This includes a write with a context: its flags do not ask for uncovered siblings, so owners report none.
    return 'covers-unseen'
  }

  /** The deadline is the client's. A round that begins after it still sends its copy once. */
  #waitForDeadline(): void {
    const { deadlines, clock } = this.#parts
    if (this.#deadline !== undefined) deadlines.cancel(this.#deadline)
    const leftMs = clock.leftMs(this.#placed.deadlineMs)
    this.#deadline = deadlines.in(leftMs, () => this.#expire())
  }

  #expire(): void {
    this.#isLate = true
    if (this.#fanout !== undefined) this.#fanout.expire()
    // The first copy is still being made: nothing has been sent.
    else if (this.#protocol === undefined) this.#fail(lateDisk(this.#placed))
    else this.#fail(lateError('write', this.#placed.timeoutMs))
  }

  /** Sends the current copy to the current targets. */
  #send(): void {
    const { need } = this.#placed
    const outgoing = this.#outgoing as Outgoing
    const { pending } = this.#minted as Minted
    const round = (this.#protocol as WriteProtocol).begin({
      self: this.#parts.self,
      groups: groupsOf(this.#placed),
      // A weak write is answered before it is stored, but it continues as an eventual one.
      need: Math.max(need.w, 1),
      sloppy: need.sloppy,
      targets: this.#targets,
      wholeNeed: outgoing.whole.need,
      isSelfWhole: outgoing.whole.isSelfWhole,
    })
    pending.hold()
    const sent = { placed: this.#placed, outgoing, round, reports: this.#reports }
    const fanout = new CopyFanout(this.#parts, sent, {
      progress: () => this.#judge(fanout, round),
      over: () => pending.release(),
    })
    this.#fanout = fanout
    fanout.start()
  }

  /** Ignores a fan-out whose round was settled earlier: its last answers may still arrive. */
  #judge(fanout: CopyFanout, round: WriteRound): void {
    if (fanout !== this.#fanout || round.settled === undefined) return
    this.#fanout = undefined
    this.#orFail(() => {
      this.#ports.onSettled(round)
      this.#next(round)
    })
  }

  /** A step may not throw into the disk or the link that called it: the request would never end. */
  #orFail(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#fail(error)
    }
  }

  #next(round: WriteRound): void {
    const protocol = this.#protocol as WriteProtocol
    const step = protocol.next(
      this.#placed.placementVersion === this.#parts.placer.placementVersion,
    )
    switch (step.type) {
      case 'acknowledge':
        this.#answer(round)
        return
      case 'place-again':
        this.#ports.metrics.count('placement_changed_total')
        this.#placeAgain()
        return
      case 'cover':
        this.#ports.metrics.count('blind_write_second_rounds_total')
        this.#sendAgain(coverDots((this.#outgoing as Outgoing).copy.object, step.dots))
        return
      case 'mint-above':
        this.#ports.metrics.count('lww_second_rounds_total')
        this.#mintAbove(step.newest)
        return
      case 'fail': {
        const error = doubted(
          unmetError(this.#placed, round, this.#reports, this.#isLate),
          protocol,
        )
        assert(
          error.kind.outcome === step.outcome,
          `a write told as ${error.code} is ${step.outcome}`,
        )
        this.#fail(error)
        return
      }
      default:
        step satisfies never
    }
  }

  #placeAgain(): void {
    try {
      this.#placed = this.#parts.placer.placeAgain(this.#placed)
      this.#targets = writeTargets(this.#placed, this.#parts)
    } catch (error) {
      this.#fail(error)
      return
    }
    const outgoing = this.#outgoing as Outgoing
    this.#outgoing = { ...outgoing, storeLocally: undefined }
    this.#waitForDeadline()
    this.#send()
  }

  /** Writes the same content again with a higher timestamp, because an owner holds a newer one. */
  #mintAbove(newest: Timestamp): void {
    const { minting } = this.#ports
    this.#parts.clock.observe(newest)
    minting
      .timestamp()
      .then((timestamp) => {
        if (this.#isOver) return
        this.#dot = { actor: minting.actor, timestamp }
        const { content } = this.#request as PlannedWrite
        this.#sendAgain(write('lww', ABSENT, this.#dot, content, undefined))
      })
      .catch((error: unknown) => this.#fail(error))
  }

  #sendAgain(object: StoredObject): void {
    const copy = encodeCopy(this.#ports.codec, object)
    // The first round has already asked the owners for their earlier siblings, and whether their copies are complete.
    this.#outgoing = { copy, flags: 0, whole: NOT_ASKED, storeLocally: undefined }
    this.#send()
  }

  #answer(round: WriteRound): void {
    const placed = this.#placed
    const minted = this.#minted as Minted
    const { object } = (this.#outgoing as Outgoing).copy
    const first = (this.#protocol as WriteProtocol).firstMet
    const answer = {
      level: placed.level,
      coordinator: this.#parts.self,
      quorum: { need: placed.need.w, got: round.got, hinted: round.hinted },
      context: contextAfter(object, this.#request.context, this.#dot as Dot),
      replicas: this.#reports.list(),
      durable: true,
      ...this.#siblingsAfter(object, minted, first?.existed === true || round.existed),
      seen: seenOf(modeOf(placed.at.bucket), object),
    }
    // Only now, because an error before it still has to end the request.
    this.#close()
    this.#end.answered(answer)
  }

  /**
   * The live siblings after the write, and whether the key existed before it. A repeated delete gives the answer of the
   * first delete.
   */
  #siblingsAfter(
    object: StoredObject,
    { existed, repeats }: Minted,
    existedElsewhere: boolean,
  ): Pick<WriteAnswer, 'siblings' | 'existed'> {
    if (repeats !== undefined && repeats.kind !== 'increment') return { siblings: [], existed }
    const siblings = liveSiblings(object, this.#parts.clock.nowMs())
    return { siblings, existed: existed || existedElsewhere }
  }

  /** `error`: the reason that stopped the write, regardless of earlier rounds. */
  #fail(error: unknown): void {
    if (this.#isOver) return
    const protocol = this.#protocol
    const isJudged = protocol !== undefined && error instanceof QuorateError
    const reported = isJudged ? doubted(error, protocol) : error
    const errorFor = this.#minted?.errorFor
    this.#close()
    this.#end.failed(errorFor === undefined ? reported : errorFor(reported))
  }

  #close(): void {
    this.#isOver = true
    if (this.#deadline !== undefined) this.#parts.deadlines.cancel(this.#deadline)
    this.#minted?.pending.release()
  }
}
