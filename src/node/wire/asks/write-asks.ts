/** The asks to an owner to coordinate a client's write. */
import { PLAIN_LEVELS, type PlainLevel } from '../../../core/quorum/level.ts'
import type { VersionVector } from '../../../core/causality/version-vector.ts'
import type { Content } from '../../../core/causality/sibling.ts'
import type { Encodable } from '../../../ports/codec.ts'
import type { Repeatable, TypeChange, WriteAnswer } from '../../service/service.ts'
import { decodeDots, decodeVector, encodeDots, encodeVector } from '../object-record.ts'
import type { AskFormat, Fields } from './ask-format.ts'
import type { KeyRequest } from './copy-asks.ts'
import { countIn, numberIn, textIn, textsIn } from './fields.ts'
import {
  CONTENT_FIELDS,
  decodeContent,
  decodeForwardAnswer,
  decodeMaybeVector,
  decodeReports,
  encodeContent,
  encodeForwardAnswer,
  encodeMaybeVector,
  encodeReports,
  type ForwardAnswer,
  maybeTextIn,
} from './forward-parts.ts'

/** The options of the client's request, with the values that the first node has chosen. */
export interface ForwardOptions extends KeyRequest, Repeatable {
  readonly level: PlainLevel
  readonly r: number
  readonly w: number
  readonly sloppy: boolean
  readonly timeoutMs: number
  readonly requestId: string
  /** What the session has seen of the key. */
  readonly past: VersionVector | undefined
}

export interface PutRequest extends ForwardOptions {
  readonly content: Content
  /** What the client has seen of the key; undefined for a blind write. */
  readonly context: VersionVector | undefined
}

export type WrittenAnswer = ForwardAnswer<WriteAnswer>

const ANSWERED_WRITTEN: Pick<AskFormat<never, WrittenAnswer>, 'encodeAnswer' | 'decodeAnswer'> = {
  encodeAnswer: (answer, message) => encodeForwardAnswer(answer, message, encodeWritten),
  decodeAnswer: (fields) => decodeForwardAnswer(fields, writtenIn),
}

/** [bucket, key, level, r, w, sloppy, timeoutMs, requestId, past, context, …content, idempotencyKey, fingerprint] */
export const PUT: AskFormat<PutRequest, WrittenAnswer> = {
  kind: 'put',
  isOnceOnly: true,
  encode(request, message) {
    encodeOptions(request, message)
    message.push(encodeMaybeVector(request.context))
    encodeContent(request.content, message)
    encodeRepeatable(request, message)
  },
  decode(fields) {
    const [context, ...content] = fields.slice(OPTION_FIELDS)
    return {
      ...optionsIn(fields),
      context: decodeMaybeVector(context),
      content: decodeContent(content),
      ...repeatableIn(content.slice(CONTENT_FIELDS)),
    }
  },
  ...ANSWERED_WRITTEN,
}

export interface UpdateAskRequest extends ForwardOptions {
  readonly change: TypeChange
}

/** An update of a counter or a set. [bucket, …, past, …change, idempotencyKey, fingerprint], as for a `put`. */
export const UPDATE: AskFormat<UpdateAskRequest, WrittenAnswer> = {
  kind: 'update',
  isOnceOnly: true,
  encode(request, message) {
    encodeOptions(request, message)
    encodeChange(request.change, message)
    encodeRepeatable(request, message)
  },
  decode(fields) {
    const change = fields.slice(OPTION_FIELDS)
    return {
      ...optionsIn(fields),
      change: changeIn(change),
      ...repeatableIn(change.slice(CHANGE_FIELDS)),
    }
  },
  ...ANSWERED_WRITTEN,
}

/** Number of fields that `encodeOptions` appends. */
const OPTION_FIELDS = 9

function encodeOptions(request: ForwardOptions, message: Encodable[]): void {
  const { bucket, key, level, r, w, sloppy, timeoutMs, requestId, past } = request
  message.push(bucket, key, level, r, w, sloppy, timeoutMs, requestId, encodeMaybeVector(past))
}

function optionsIn([bucket, key, level, r, w, sloppy, timeoutMs, requestId, past]: Fields): Omit<
  ForwardOptions,
  keyof Repeatable
> {
  return {
    bucket: textIn(bucket),
    key: textIn(key),
    level: levelIn(level),
    r: countIn(r),
    w: countIn(w),
    sloppy: sloppy === true,
    timeoutMs: numberIn(timeoutMs),
    requestId: textIn(requestId),
    past: decodeMaybeVector(past),
  }
}

function encodeRepeatable({ idempotencyKey, fingerprint }: Repeatable, message: Encodable[]): void {
  message.push(idempotencyKey ?? null, fingerprint ?? null)
}

/** A node of version 2 sends neither. */
function repeatableIn([idempotencyKey, fingerprint]: Fields): Repeatable {
  return { idempotencyKey: maybeTextIn(idempotencyKey), fingerprint: maybeTextIn(fingerprint) }
}

/** Number of fields that `encodeChange` appends. */
const CHANGE_FIELDS = 3

/** ['counter', increment, null] or ['set', add, remove] */
function encodeChange(change: TypeChange, message: Encodable[]): void {
  if (change.type === 'counter') message.push('counter', change.increment, null)
  else message.push('set', change.add, change.remove)
}

function changeIn([type, first, second]: Fields): TypeChange {
  if (type === 'counter') return { type, increment: numberIn(first) }
  if (type === 'set') return { type, add: textsIn(first), remove: textsIn(second) }
  throw new Error('not an update of a counter or a set')
}

/**
 * [level, coordinator, need, got, hinted, context, durable, siblings, existed, seen or null, reports]
 */
function encodeWritten(answer: WriteAnswer, message: Encodable[]): void {
  const { level, coordinator, quorum, context, durable, siblings, existed, seen } = answer
  message.push(level, coordinator, quorum.need, quorum.got, quorum.hinted)
  message.push(encodeVector(context), durable, encodeDots(siblings), existed)
  message.push(encodeMaybeVector(seen), encodeReports(answer.replicas))
}

function writtenIn([
  level,
  coordinator,
  need,
  got,
  hinted,
  context,
  durable,
  siblings,
  existed,
  seen,
  reports,
]: Fields): WriteAnswer {
  return {
    level: levelIn(level),
    coordinator: textIn(coordinator),
    quorum: { need: countIn(need), got: countIn(got), hinted: countIn(hinted) },
    context: decodeVector(context),
    durable: durable === true,
    siblings: decodeDots(siblings),
    existed: existed === true,
    seen: decodeMaybeVector(seen),
    replicas: decodeReports(reports),
  }
}

function levelIn(field: unknown): PlainLevel {
  if (!(PLAIN_LEVELS as readonly unknown[]).includes(field)) throw new Error('not a plain level')
  return field as PlainLevel
}
