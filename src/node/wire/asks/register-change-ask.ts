/** The ask to an owner to propose a client's operation on a strong key. */
import type { Dot } from '../../../core/causality/dot.ts'
import type {
  Condition,
  RegisterOperation,
  RegisterWrite,
} from '../../../core/consensus/register.ts'
import type { ReplicaReport } from '../../../core/errors.ts'
import type { Encodable } from '../../../ports/codec.ts'
import { decodeDots, encodeDots } from '../object-record.ts'
import type { AskFormat, Fields } from './ask-format.ts'
import type { KeyRequest } from './copy-asks.ts'
import { bytesIn, countIn, numberIn, textIn, textsIn } from './fields.ts'
import {
  CONTENT_FIELDS,
  decodeContent,
  decodeForwardAnswer,
  decodeReports,
  encodeContent,
  encodeForwardAnswer,
  encodeReports,
  type ForwardAnswer,
  maybeTextIn,
} from './forward-parts.ts'

export interface RegisterChangeRequest extends KeyRequest {
  readonly timeoutMs: number
  readonly requestId: string
  readonly operation: RegisterOperation
}

/** The outcome of a decided operation. */
export interface DecidedOperation {
  /** The node that proposed it. */
  readonly coordinator: string
  /** The value that a read found; undefined for a write. */
  readonly record: Uint8Array | undefined
  /** Undefined for a read. */
  readonly dot: Dot | undefined
  readonly existed: boolean
  /** Owners that are known to have accepted it. */
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

export type RegisterChangeAnswer = ForwardAnswer<DecidedOperation>

/** A read is [bucket, key, timeoutMs, requestId]. The fields of a write follow. */
export const REGISTER_CHANGE: AskFormat<RegisterChangeRequest, RegisterChangeAnswer> = {
  kind: 'register-change',
  isOnceOnly: true,
  encode({ bucket, key, timeoutMs, requestId, operation }, message) {
    message.push(bucket, key, timeoutMs, requestId)
    if (operation.type === 'write') encodeWrite(operation, message)
  },
  decode([bucket, key, timeoutMs, requestId, ...write]) {
    return {
      bucket: textIn(bucket),
      key: textIn(key),
      timeoutMs: numberIn(timeoutMs),
      requestId: textIn(requestId),
      operation: write.length === 0 ? { type: 'read' } : writeIn(write),
    }
  },
  encodeAnswer: (answer, message) => encodeForwardAnswer(answer, message, encodeDecided),
  decodeAnswer: (fields) => decodeForwardAnswer(fields, decidedIn),
}

/** [condition or null, tags or null, idempotencyKey or null, …content, fingerprint or null] */
function encodeWrite(write: RegisterWrite, message: Encodable[]): void {
  const { content, condition, idempotencyKey, fingerprint } = write
  message.push(
    condition === undefined ? null : condition.type,
    condition === undefined || condition.tags === '*' ? null : condition.tags,
    idempotencyKey ?? null,
  )
  encodeContent(content, message)
  message.push(fingerprint ?? null)
}

function writeIn([condition, tags, idempotencyKey, ...content]: Fields): RegisterWrite {
  return {
    type: 'write',
    content: decodeContent(content),
    condition: condition === null ? undefined : conditionIn(condition, tags),
    idempotencyKey: maybeTextIn(idempotencyKey),
    // A node of version 2 sends no fingerprint.
    fingerprint: maybeTextIn(content[CONTENT_FIELDS]),
  }
}

function conditionIn(type: unknown, tags: unknown): Condition {
  if (type !== 'match' && type !== 'none-match') throw new Error('not a condition')
  return { type, tags: tags === null ? '*' : textsIn(tags) }
}

/** [coordinator, record or null, dot, existed, received, reports] */
function encodeDecided(decided: DecidedOperation, message: Encodable[]): void {
  const { coordinator, record, dot, existed, received, replicas } = decided
  message.push(coordinator, record ?? null, dot === undefined ? [] : encodeDots([dot]))
  message.push(existed, received, encodeReports(replicas))
}

function decidedIn([
  coordinator,
  record,
  dots,
  existed,
  received,
  replicas,
]: Fields): DecidedOperation {
  return {
    coordinator: textIn(coordinator),
    record: record === null ? undefined : bytesIn(record),
    dot: decodeDots(dots)[0],
    existed: existed === true,
    received: countIn(received),
    replicas: decodeReports(replicas),
  }
}
