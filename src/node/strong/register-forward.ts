/**
 * Forwards a client's operation on a strong key to an owner, which proposes it. That owner never forwards it again, so
 * an operation cannot go round in circles.
 */
import type { Dot } from '../../core/causality/dot.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { EMPTY_VECTOR } from '../../core/causality/version-vector.ts'
import type { RegisterOperation } from '../../core/consensus/register.ts'
import type { ReplicaReport } from '../../core/errors.ts'
import type { Codec } from '../../ports/codec.ts'
import type { HandlersOf } from '../peers/ask-handlers.ts'
import type { Peers } from '../peers/peers.ts'
import { asQuorateError, unansweredError } from '../round/forward-outcome.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { RequestOptions } from '../service/service.ts'
import { keyRequest } from '../wire/asks/copy-asks.ts'
import {
  type DecidedOperation,
  REGISTER_CHANGE,
  type RegisterChangeRequest,
} from '../wire/asks/register-change-ask.ts'
import { decodeRecord, encodeRecord } from '../wire/object-record.ts'

/** The outcome of a decided operation. */
export interface OperationAnswer {
  /** The node that proposed it. */
  readonly coordinator: string
  /** The value that a read found. The answer of a forwarded write has none (`NO_VALUE`). */
  readonly object: StoredObject
  /** Undefined for a read. */
  readonly dot: Dot | undefined
  readonly existed: boolean
  /** Owners that are known to have accepted it. */
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

/**
 * Resolves with undefined if the message was certainly not sent. Rejects with the owner's error, or with an error that
 * tells why the owner's answer is missing.
 */
export async function forwardOperation(
  codec: Codec,
  peers: Peers,
  placed: PlacedRequest,
  operation: RegisterOperation,
  owner: string,
): Promise<OperationAnswer | undefined> {
  const { at, timeoutMs, requestId, deadlineMs, span } = placed
  const request = { ...keyRequest(at), timeoutMs, requestId, operation }
  const reply = await peers.request(owner, REGISTER_CHANGE, request, deadlineMs, span)
  if (reply.type === 'ok') {
    if (reply.answer.type === 'failed') throw reply.answer.error
    return answerIn(codec, reply.answer.result)
  }
  const ifLost = operation.type === 'read' ? 'deadline_passed' : 'outcome_unknown'
  const error = unansweredError(placed, owner, { verb: 'decide', ifLost }, reply)
  if (error !== undefined) throw error
  return undefined
}

function answerIn(codec: Codec, decided: DecidedOperation): OperationAnswer {
  const { record, ...rest } = decided
  // Copy the bytes, so that the values do not keep their frame in memory.
  const object = record === undefined ? NO_VALUE : decodeRecord(codec, new Uint8Array(record))
  return { ...rest, object }
}

/** Answers another node's forwarded operations. `propose` rejects with a `QuorateError`. */
export function registerChangeAnswers(
  codec: Codec,
  propose: (
    request: RegisterChangeRequest & Pick<RequestOptions, 'span'>,
    deadlineMs: number,
  ) => Promise<OperationAnswer>,
): HandlersOf<'register-change'> {
  return {
    'register-change': (request, asker) => {
      const isRead = request.operation.type === 'read'
      const { span } = asker
      propose(span === undefined ? request : { ...request, span }, asker.deadlineMs).then(
        ({ object, ...rest }) => {
          const record = isRead ? encodeRecord(codec, object) : undefined
          asker.answer({ type: 'done', result: { ...rest, record } })
        },
        (thrown: unknown) => {
          const error = asQuorateError(thrown)
          span?.add({ 'quorate.code': error.code })
          asker.answer({ type: 'failed', error }, error.code)
        },
      )
    },
  }
}

const NO_VALUE: StoredObject = { vector: EMPTY_VECTOR, siblings: [] }
