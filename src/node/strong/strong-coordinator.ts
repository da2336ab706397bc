/**
 * Coordinates clients' requests for strong keys. Any node can coordinate them, but only owners propose.
 *
 * A read asks the owners what they have accepted. It takes one round trip if a majority reports the same proposal and
 * has promised nothing newer: then that proposal is decided, and no newer one was decided before the read began.
 * Otherwise the value under way has to be completed, so the read becomes a proposal that changes nothing. Such a read,
 * like every write, goes to the first owner in reach that can propose it. All nodes ask in the same order, so that the
 * owners do not compete.
 *
 * If the placement changes on the way, the request starts again under the new one, unless it may already have been
 * decided.
 */
import { EMPTY_VECTOR, VersionVector } from '../../core/causality/version-vector.ts'
import { liveSiblings, newestSibling } from '../../core/causality/stored-object.ts'
import type { RegisterOperation } from '../../core/consensus/register.ts'
import { type ErrorCode, QuorateError, type ReplicaReport } from '../../core/errors.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { isOfThatOwner, noneInReach } from '../round/forward-outcome.ts'
import { forwardOperation, type OperationAnswer } from './register-forward.ts'
import type { RegisterProposer } from './register-proposer.ts'
import { soonestFirst } from '../peers/peer-reach.ts'
import { type PlacedRequest, rejection } from '../round/placed-request.ts'
import { asPromise, endWith } from '../round/request-end.ts'
import type { RequestPlacer } from '../round/request-placer.ts'
import { type Repeatable, whilePlaced } from '../round/while-placed.ts'
import type { ReadAnswer, WriteAnswer, WriteRequest } from '../service/service.ts'
import { type AgreedAnswer, readAgreed, type StrongReadParts } from './strong-read.ts'

export interface StrongParts extends StrongReadParts {
  readonly proposer: RegisterProposer
  readonly placer: RequestPlacer
}

export class StrongCoordinator {
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  readonly #parts: StrongParts

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: StrongParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** Rejects with a `QuorateError`. */
  async read(placed: PlacedRequest): Promise<ReadAnswer> {
    const { object, ...rest } = await this.#read(placed)
    const siblings = liveSiblings(object, this.#parts.clock.nowMs())
    const deleted = siblings.length === 0 && newestSibling(object) !== undefined
    return { ...answerOf(placed, rest), object, siblings, deleted }
  }

  /** Rejects with a `QuorateError`, precondition_failed among others. */
  async write(placed: PlacedRequest, request: WriteRequest): Promise<WriteAnswer> {
    const { content, condition, idempotencyKey, fingerprint } = request
    const write = { type: 'write', content, condition, idempotencyKey, fingerprint } as const
    const made = await this.#propose(placed, write)
    const { dot, existed } = made
    return {
      ...answerOf(placed, made),
      durable: true,
      existed,
      siblings: dot === undefined || content.tombstone ? [] : [dot],
      seen: dot === undefined ? undefined : new VersionVector([dot.actor, dot.timestamp]),
    }
  }

  async #read(placed: PlacedRequest): Promise<AgreedAnswer> {
    // The owners answer a reader under any placement, so a change of the placement is found only afterwards.
    const agreed = await new Promise<AgreedAnswer | undefined>((resolve) =>
      readAgreed(this.#ports, this.#parts, placed, resolve),
    )
    const isAgreed = agreed !== undefined && this.#isInForce(placed)
    this.#ports.metrics.count('register_reads_total', isAgreed ? AGREED : PROPOSED)
    return isAgreed ? agreed : this.#propose(placed, { type: 'read' })
  }

  #isInForce(placed: PlacedRequest): boolean {
    return !this.#parts.placer.isOutdated(placed)
  }

  /** Proposes at this node, for a client of any node. This node must be an owner of the key. */
  async proposeHere(placed: PlacedRequest, operation: RegisterOperation): Promise<OperationAnswer> {
    const { self, proposer, replica } = this.#parts
    // Refuse before anything is proposed, so that the coordinator can still ask another owner.
    const refusal = replica.diskRefusal()
    if (refusal !== undefined) throw rejection(refusal)
    const { end, received, replicas } = await proposer.propose(placed, operation)
    const { result, object } = end
    const made = result.type === 'written' ? { dot: result.dot, existed: result.existed } : {}
    return {
      coordinator: self,
      object,
      received,
      replicas,
      dot: undefined,
      existed: false,
      ...made,
    }
  }

  /** Proposes through an owner. If the placement changes before any owner could propose, asks the new owners. */
  #propose(placed: PlacedRequest, operation: RegisterOperation): Promise<OperationAnswer> {
    const { placer, clock } = this.#parts
    const { metrics } = this.#ports
    const request: Repeatable<OperationAnswer> = {
      run: (now, end) => endWith(this.#proposeUnder(now, operation), end),
      repeatsAnswer: false,
      mayRepeat: (error) => mayTryAnotherOwner(error) && clock.nowMs() < placed.deadlineMs,
    }
    return asPromise((end) =>
      whilePlaced({ placer, metrics }, placer.placeAgain(placed), request, end),
    )
  }

  /** Asks one owner after the other until one has proposed, or may have. Rejects with the last owner's error. */
  async #proposeUnder(
    placed: PlacedRequest,
    operation: RegisterOperation,
  ): Promise<OperationAnswer> {
    const candidates = this.#candidates(placed)
    let told: QuorateError | undefined
    for (const [i, owner] of candidates.entries()) {
      if (told !== undefined && this.#parts.clock.nowMs() >= placed.deadlineMs) break
      try {
        const isLast = i === candidates.length - 1
        const answer = await this.#proposeAt(owner, placed, operation, isLast)
        if (answer !== undefined) return answer
      } catch (error) {
        if (!mayTryAnotherOwner(error)) throw error
        told = error
        if (!this.#isInForce(placed)) break
      }
    }
    throw told ?? noneInReach(placed, majority(placed.owners.length), this.#parts.clock)
  }

  /** The owners in reach, in their order. Owners that are not expected to answer soon come last. */
  #candidates({ owners }: PlacedRequest): readonly string[] {
    const { reach } = this.#parts
    const near = owners.filter(reach.isReachable)
    return soonestFirst(near, reach)
  }

  #proposeAt(
    owner: string,
    placed: PlacedRequest,
    operation: RegisterOperation,
    isLast: boolean,
  ): Promise<OperationAnswer | undefined> {
    const { self, peers, clock } = this.#parts
    if (owner === self) return this.proposeHere(placed, operation)
    this.#ports.metrics.count('forwarded_total', { peer: owner })
    const nowMs = clock.nowMs()
    // A read may be done twice, so keep time for the next owner if this one is silent.
    const deadlineMs =
      operation.type === 'read' && !isLast
        ? Math.ceil(nowMs + (placed.deadlineMs - nowMs) / 2)
        : placed.deadlineMs
    return forwardOperation(this.#ports.codec, peers, { ...placed, deadlineMs }, operation, owner)
  }
}

/** Only a read ends with this code, and a read applies nothing. So another owner may be asked. */
const LATE_READ: ErrorCode = 'deadline_passed'

function mayTryAnotherOwner(error: unknown): error is QuorateError {
  return error instanceof QuorateError && (isOfThatOwner(error) || error.code === LATE_READ)
}

const AGREED = { kind: 'agreed' }
const PROPOSED = { kind: 'proposed' }

function answerOf(
  placed: PlacedRequest,
  from: { coordinator: string; received: number; replicas: readonly ReplicaReport[] },
): Pick<ReadAnswer, 'level' | 'coordinator' | 'quorum' | 'context' | 'replicas'> {
  return {
    level: placed.level,
    coordinator: from.coordinator,
    quorum: { need: placed.need.r, got: from.received, hinted: 0 },
    context: EMPTY_VECTOR,
    replicas: from.replicas,
  }
}
