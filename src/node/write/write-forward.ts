/**
 * Forwards a client's write to an owner if this node may not coordinate it. An owner never forwards a forwarded write,
 * because a write that is forwarded twice can be applied twice (riak_kv #1754).
 *
 * Another owner is tried only if the request was certainly not sent to the first one, or if the first one said that it
 * applied nothing. Otherwise the outcome is the owner's answer, or *unknown* if none comes.
 */
import { QuorateError } from '../../core/errors.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import { PLAIN_LEVELS, type PlainLevel } from '../../core/quorum/level.ts'
import type { Encodable } from '../../ports/codec.ts'
import { decodeDots, decodeVector, encodeDots, encodeVector } from '../wire/object-record.ts'
import {
  CONTENT_FIELDS,
  decodeContent,
  decodeFailure,
  decodeReports,
  encodeContent,
  encodeReports,
} from '../wire/request-parts.ts'
import { isOfThatOwner, lostAnswer, noneInReach } from '../round/forward-outcome.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type {
  Repeatable,
  RequestOptions,
  UpdateRequest,
  WriteAnswer,
  WriteRequest,
} from '../service/service.ts'
import { decodeChange, encodeChange } from './type-change.ts'
import { rawFormat } from '../wire/asks/raw-format.ts'

/** Every forwarded request begins with this many fields: the options. */
const OPTION_FIELDS = 9
/** An encoded change has this many fields. */
const CHANGE_FIELDS = 3

/** `owners`: the owners in reach. Rejects with the owner's error, or with one that says why no owner answered. */
export async function forwardWrite(
  { peers, clock }: { readonly peers: Peers; readonly clock: NodeClock },
  placed: PlacedRequest,
  request: WriteRequest | UpdateRequest,
  owners: readonly string[],
): Promise<WriteAnswer> {
  const kind = 'change' in request ? 'update' : 'put'
  const body = encodeRequest(placed, request)
  let rejected: QuorateError | undefined
  for (const owner of owners) {
    // A late ask would end as unknown, where the refusal so far is certain.
    if (rejected !== undefined && clock.nowMs() >= placed.deadlineMs) break
    const reply = await peers.request(owner, rawFormat(kind), body, placed.deadlineMs)
    switch (reply.type) {
      case 'ok':
        try {
          return decodeAnswer(reply.answer)
        } catch (error) {
          if (!isOfThatOwner(error)) throw error
          rejected = error
          continue
        }
      case 'unsent':
        continue
      case 'refused':
        // The owner refused the message before its coordinator saw it (another epoch, a broken clock).
        // So nothing was applied.
        rejected = new QuorateError(
          reply.code === 'clock_drift' ? 'clock_drift' : 'quorum_unreachable',
          `${owner} refused the write: ${reply.message}`,
          { retryAfterSeconds: 1 },
        )
        continue
      case 'lost':
        throw lostAnswer('outcome_unknown', placed, owner, 'write', reply.reason)
      default:
        return reply satisfies never
    }
  }
  throw rejected ?? noneInReach(placed, Math.max(placed.need.w, 1), clock)
}

function encodeRequest(placed: PlacedRequest, request: WriteRequest | UpdateRequest): Encodable[] {
  const options = encodeOptions(placed, request.past)
  const repeatable = [request.idempotencyKey ?? null, request.fingerprint ?? null]
  if ('change' in request) return [...options, ...encodeChange(request.change), ...repeatable]
  const { content, context } = request
  return [
    ...options,
    context === undefined ? null : encodeVector(context),
    ...encodeContent(content),
    ...repeatable,
  ]
}

/** Both fields are undefined if the sender speaks protocol version 2. */
function decodeRepeatable([key, fingerprint]: readonly unknown[]): Repeatable {
  return {
    idempotencyKey: typeof key === 'string' ? key : undefined,
    fingerprint: typeof fingerprint === 'string' ? fingerprint : undefined,
  }
}

function encodeOptions(placed: PlacedRequest, past: VersionVector | undefined): Encodable[] {
  const { need } = placed
  return [
    placed.at.bucket.name,
    placed.at.key,
    placed.level,
    need.r,
    need.w,
    need.sloppy,
    placed.timeoutMs,
    placed.requestId,
    past === undefined ? null : encodeVector(past),
  ]
}

/** Decodes a forwarded write at the owner. Throws on garbage. */
export function decodeWrite(body: readonly Encodable[]): WriteRequest {
  const options = decodeOptions(body)
  const [context, ...content] = body.slice(OPTION_FIELDS) as unknown[]
  return {
    ...options,
    content: decodeContent(content),
    context: context === null ? undefined : decodeVector(context as Encodable),
    ...decodeRepeatable(content.slice(CONTENT_FIELDS)),
  }
}

/** Decodes a forwarded update at the owner. Throws on garbage. */
export function decodeUpdate(body: readonly Encodable[]): UpdateRequest {
  const change = body.slice(OPTION_FIELDS)
  return {
    ...decodeOptions(body),
    change: decodeChange(change),
    ...decodeRepeatable(change.slice(CHANGE_FIELDS)),
  }
}

function decodeOptions(
  body: readonly Encodable[],
): RequestOptions & { past: VersionVector | undefined } {
  const [bucket, key, level, r, w, sloppy, timeoutMs, requestId, past] = body as unknown[]
  if (
    typeof bucket !== 'string' ||
    typeof key !== 'string' ||
    !(PLAIN_LEVELS as readonly unknown[]).includes(level)
  ) {
    throw new Error('not a forwarded write')
  }
  return {
    bucket,
    key,
    level: level as PlainLevel,
    r: Number(r),
    w: Number(w),
    sloppy: sloppy === true,
    timeoutMs: Number(timeoutMs),
    requestId: String(requestId),
    past: past === null ? undefined : decodeVector(past as Encodable),
  }
}

export function encodeAnswer(answer: WriteAnswer): Encodable[] {
  const { level, coordinator, quorum, context, durable, siblings, existed, seen } = answer
  return [
    true,
    level,
    coordinator,
    quorum.need,
    quorum.got,
    quorum.hinted,
    encodeVector(context),
    durable,
    encodeDots(siblings),
    existed,
    seen === undefined ? null : encodeVector(seen),
    encodeReports(answer.replicas),
  ]
}

function decodeAnswer(body: readonly Encodable[]): WriteAnswer {
  if (body[0] !== true) throw decodeFailure(body)
  const [
    ,
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
  ] = body
  return {
    level: level as PlainLevel,
    coordinator: String(coordinator),
    quorum: { need: Number(need), got: Number(got), hinted: Number(hinted) },
    context: decodeVector(context as Encodable),
    durable: durable === true,
    siblings: decodeDots(siblings as Encodable),
    existed: existed === true,
    seen: seen === null ? undefined : decodeVector(seen as Encodable),
    replicas: decodeReports(reports),
  }
}
