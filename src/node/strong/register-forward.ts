/**
 * Forwards a client's operation on a strong key to an owner, which proposes it. An operation is forwarded only once.
 */
import type { Dot } from '../../core/causality/dot.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Condition, RegisterOperation, RegisterWrite } from '../../core/consensus/register.ts'
import { QuorateError, type ReplicaReport } from '../../core/errors.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
import { lostAnswer } from '../round/forward-outcome.ts'
import {
  CONTENT_FIELDS,
  decodeContent,
  decodeFailure,
  decodeReports,
  encodeContent,
  encodeReports,
} from '../wire/request-parts.ts'
import { decodeDots, decodeRecord, encodeDots, encodeRecord } from '../wire/object-record.ts'
import type { Peers } from '../peers/peers.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import { rawFormat } from '../wire/asks/raw-format.ts'

/** The outcome of a decided operation. */
export interface OperationAnswer {
  /** The node that proposed it. */
  readonly coordinator: string
  /** The value as a read found it. */
  readonly object: StoredObject
  /** Undefined for a read. */
  readonly dot: Dot | undefined
  readonly existed: boolean
  /** Owners that are known to have accepted it. */
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

/** An operation that another node forwarded. */
export interface ForwardedOperation {
  readonly bucket: string
  readonly key: string
  readonly timeoutMs: number
  readonly requestId: string
  readonly operation: RegisterOperation
}

/**
 * Undefined if the message was certainly not sent to the owner. Rejects with the owner's error, or with a transport
 * error.
 */
export async function forwardOperation(
  codec: Codec,
  peers: Peers,
  placed: PlacedRequest,
  operation: RegisterOperation,
  owner: string,
): Promise<OperationAnswer | undefined> {
  const body = encodeOperation(placed, operation)
  const reply = await peers.request(owner, rawFormat('register-change'), body, placed.deadlineMs)
  switch (reply.type) {
    case 'ok':
      return decodeOperationAnswer(codec, reply.answer)
    case 'unsent':
      return undefined
    case 'refused':
      throw new QuorateError(
        reply.code === 'clock_drift' ? 'clock_drift' : 'quorum_unreachable',
        `${owner} refused the request: ${reply.message}`,
        { retryAfterSeconds: 1 },
      )
    case 'lost':
      throw lostAnswer(
        operation.type === 'read' ? 'deadline_passed' : 'outcome_unknown',
        placed,
        owner,
        'decide',
        reply.reason,
      )
    default:
      return reply satisfies never
  }
}

function encodeOperation(placed: PlacedRequest, operation: RegisterOperation): Encodable[] {
  const { at, timeoutMs, requestId } = placed
  const head = [at.bucket.name, at.key, timeoutMs, requestId]
  return operation.type === 'read' ? head : [...head, ...encodeWrite(operation)]
}

function encodeWrite(write: RegisterWrite): Encodable[] {
  const { content, condition, idempotencyKey, fingerprint } = write
  return [
    condition === undefined ? null : condition.type,
    condition === undefined || condition.tags === '*' ? null : [...condition.tags],
    idempotencyKey ?? null,
    ...encodeContent(content),
    fingerprint ?? null,
  ]
}

/** Throws on garbage. */
export function decodeOperation(body: readonly Encodable[]): ForwardedOperation {
  const [bucket, key, timeoutMs, requestId, ...write] = body as unknown[]
  if (typeof bucket !== 'string' || typeof key !== 'string' || typeof timeoutMs !== 'number') {
    throw new Error('not a forwarded operation')
  }
  const operation: RegisterOperation = write.length === 0 ? { type: 'read' } : decodeWrite(write)
  return { bucket, key, timeoutMs, requestId: String(requestId), operation }
}

function decodeWrite([type, tags, idempotencyKey, ...content]: readonly unknown[]): RegisterWrite {
  // A node of version 2 sends no fingerprint.
  const fingerprint = content[CONTENT_FIELDS]
  return {
    type: 'write',
    content: decodeContent(content),
    condition: type === null ? undefined : decodeCondition(type, tags),
    idempotencyKey: typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
    fingerprint: typeof fingerprint === 'string' ? fingerprint : undefined,
  }
}

function decodeCondition(type: unknown, tags: unknown): Condition {
  if (type !== 'match' && type !== 'none-match') throw new Error('not a condition')
  if (tags === null) return { type, tags: '*' }
  if (!Array.isArray(tags)) throw new Error('not a condition')
  return { type, tags: tags.map(String) }
}

export function encodeOperationAnswer(
  codec: Codec,
  operation: RegisterOperation,
  { coordinator, object, dot, existed, received, replicas }: OperationAnswer,
): Encodable[] {
  return [
    true,
    coordinator,
    operation.type === 'read' ? encodeRecord(codec, object) : null,
    dot === undefined ? [] : encodeDots([dot]),
    existed,
    received,
    encodeReports(replicas),
  ]
}

/** Throws the error that the answer carries, if it is one. */
function decodeOperationAnswer(codec: Codec, body: readonly Encodable[]): OperationAnswer {
  if (body[0] !== true) throw decodeFailure(body)
  const [, coordinator, record, dots, existed, received, replicas] = body
  const own = record instanceof Uint8Array ? new Uint8Array(record) : undefined
  const [dot] = decodeDots(dots as Encodable)
  return {
    coordinator: String(coordinator),
    object: own === undefined ? NO_VALUE : decodeRecord(codec, own),
    dot,
    existed: existed === true,
    received: Number(received),
    replicas: decodeReports(replicas),
  }
}

const NO_VALUE: StoredObject = { vector: new Map(), siblings: [] }
