/**
 * Forwards a client's write to an owner if this node may not coordinate it. An owner never forwards a forwarded write,
 * because a write that is forwarded twice can be applied twice (riak_kv #1754).
 *
 * Another owner is tried only if the request was certainly not sent to the first one, or if the first one said that it
 * applied nothing. Otherwise the outcome is the owner's answer, or *unknown* if none comes.
 */
import type { QuorateError } from '../../core/errors.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { Peers } from '../peers/peers.ts'
import { effectOf, type Reply } from '../peers/reply.ts'
import {
  asQuorateError,
  type Forwarded,
  isOfThatOwner,
  noneInReach,
  unansweredError,
} from '../round/forward-outcome.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { UpdateRequest, WriteAnswer, WriteRequest } from '../service/service.ts'
import { type ForwardOptions, PUT, UPDATE, type WrittenAnswer } from '../wire/asks/write-asks.ts'

const TO_WRITE: Forwarded = { verb: 'write', ifLost: 'outcome_unknown' }

/** `owners`: the owners in reach. Rejects with the owner's error, or with one that says why no owner answered. */
export async function forwardWrite(
  { peers, clock }: { readonly peers: Peers; readonly clock: NodeClock },
  placed: PlacedRequest,
  request: WriteRequest | UpdateRequest,
  owners: readonly string[],
): Promise<WriteAnswer> {
  const options = optionsOf(placed, request)
  let rejected: QuorateError | undefined
  for (const owner of owners) {
    // A late ask would end as unknown, where the refusal so far is certain.
    if (rejected !== undefined && clock.nowMs() >= placed.deadlineMs) break
    const reply = await askToWrite(peers, owner, request, options, placed)
    if (reply.type === 'ok') {
      if (reply.answer.type === 'done') return reply.answer.result
      if (!isOfThatOwner(reply.answer.error)) throw reply.answer.error
      rejected = reply.answer.error
      continue
    }
    const error = unansweredError(placed, owner, TO_WRITE, reply)
    if (error !== undefined && effectOf(reply) === 'unknown') throw error
    rejected = error ?? rejected
  }
  throw rejected ?? noneInReach(placed, Math.max(placed.need.w, 1), clock)
}

function askToWrite(
  peers: Peers,
  owner: string,
  request: WriteRequest | UpdateRequest,
  options: ForwardOptions,
  { deadlineMs, span }: PlacedRequest,
): Promise<Reply<WrittenAnswer>> {
  if ('change' in request) {
    return peers.request(owner, UPDATE, { ...options, change: request.change }, deadlineMs, span)
  }
  const { content, context } = request
  return peers.request(owner, PUT, { ...options, content, context }, deadlineMs, span)
}

/** The client's options, with the values that this node has chosen for those left out. */
function optionsOf(
  { at, level, need, timeoutMs, requestId }: PlacedRequest,
  { past, idempotencyKey, fingerprint }: WriteRequest | UpdateRequest,
): ForwardOptions {
  return {
    bucket: at.bucket.name,
    key: at.key,
    level: level as PlainLevel,
    r: need.r,
    w: need.w,
    sloppy: need.sloppy,
    timeoutMs,
    requestId,
    past,
    idempotencyKey,
    fingerprint,
  }
}

/** Answers another node's forwarded writes. `put` rejects with a `QuorateError`. */
export function writeAnswers(
  put: (request: WriteRequest | UpdateRequest, deadlineMs: number) => Promise<WriteAnswer>,
): HandlersOf<'put' | 'update'> {
  const handle = (request: WriteRequest | UpdateRequest, asker: Asker<WrittenAnswer>): void => {
    const { span } = asker
    put(span === undefined ? request : { ...request, span }, asker.deadlineMs).then(
      (result) => asker.answer({ type: 'done', result }),
      (thrown: unknown) => {
        const error = asQuorateError(thrown)
        span?.add({ 'quorate.code': error.code })
        asker.answer({ type: 'failed', error }, error.code)
      },
    )
  }
  return { put: handle, update: handle }
}
