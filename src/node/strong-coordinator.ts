/**
 * Coordinates requests for strong keys at any node (design section 6).
 *
 * A read asks the owners what they have accepted, and needs one round trip where a majority says the same and has
 * promised nothing newer: then that proposal is decided, and every one that was decided before the read began is it,
 * or older. Where they differ, somebody has to complete what is under way, and the read becomes a proposal that
 * changes nothing, as a write is one that does: by the first owner in reach, so that the owners do not compete.
 */
import { EMPTY_VECTOR } from '../core/causality/version-vector.ts'
import { liveSiblings, newestSibling } from '../core/causality/stored-object.ts'
import type { RegisterOperation } from '../core/consensus/register.ts'
import type { ReplicaReport } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Codec } from '../ports/codec.ts'
import type { Metrics } from '../ports/metrics.ts'
import { forwardOperation, type OperationAnswer } from './register-forward.ts'
import type { RegisterProposer } from './register-proposer.ts'
import type { PlacedRequest } from './request.ts'
import type { ReadAnswer, WriteAnswer, WriteRequest } from './service.ts'
import { readAgreed, type StrongReadParts } from './strong-read.ts'

export interface StrongParts extends StrongReadParts {
  readonly proposer: RegisterProposer
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
    const agreed = await readAgreed(this.#ports, this.#parts, placed)
    this.#ports.metrics.count('register_reads_total', agreed ? AGREED : PROPOSED)
    const { object, ...rest } = agreed ?? (await this.#propose(placed, { type: 'read' }))
    const siblings = liveSiblings(object, this.#parts.clock.nowMs())
    const deleted = siblings.length === 0 && newestSibling(object) !== undefined
    return { ...answerOf(placed, rest), object, siblings, deleted }
  }

  /** Rejects with a `QuorateError`, precondition_failed among others. */
  async write(placed: PlacedRequest, request: WriteRequest): Promise<WriteAnswer> {
    const { content, condition, idempotencyKey } = request
    const made = await this.#propose(placed, { type: 'write', content, condition, idempotencyKey })
    const { dot, existed } = made
    return {
      ...answerOf(placed, made),
      durable: true,
      existed,
      siblings: dot === undefined || content.tombstone ? [] : [dot],
      seen: dot === undefined ? undefined : new Map([[dot.actor, dot.timestamp]]),
    }
  }

  /** Proposes here, for a client of this node or of another one: never sent on. */
  async proposeHere(placed: PlacedRequest, operation: RegisterOperation): Promise<OperationAnswer> {
    const { self, proposer } = this.#parts
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

  #propose(placed: PlacedRequest, operation: RegisterOperation): Promise<OperationAnswer> {
    const { self, inReach, peers } = this.#parts
    const near = placed.owners.filter((owner) => owner === self || inReach(owner, false))
    if (near[0] === self) return this.proposeHere(placed, operation)
    for (const peer of near.slice(0, 1)) this.#ports.metrics.count('forwarded_total', { peer })
    // Where this node is one of them and comes later, those before it are asked first: owners must not compete.
    return forwardOperation(this.#ports.codec, peers, placed, operation, near)
  }
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
