/** The errors of a forwarded request that no owner has answered, and the decision whether to try another owner. */
import { type ErrorCode, QuorateError } from '../../core/errors.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { refusedWords, reportOfUnasked } from '../peers/peer-reach.ts'
import type { LostReason } from '../peers/reply.ts'
import { lostAnswerReport, lostAnswerWords } from './lost-answer.ts'
import type { PlacedRequest } from './placed-request.ts'

/**
 * Errors that concern one owner only. Nothing was applied, and another owner may succeed: it may reach more nodes, have
 * its copies, have a working disk or a correct clock.
 */
const OF_THAT_OWNER: ReadonlySet<string> = new Set<ErrorCode>([
  'quorum_unreachable',
  'storage_full',
  'storage_failed',
  'not_ready',
  'clock_drift',
])

/** The error if nothing was sent to any owner. */
export function noneInReach(
  { owners }: PlacedRequest,
  required: number,
  clock: NodeClock,
): QuorateError {
  const isByClocks = owners.every((owner) => clock.isRefused(owner))
  const none = `none of the key's owners (${owners.join(', ')}) is in reach`
  return new QuorateError(
    isByClocks ? 'clock_drift' : 'quorum_unreachable',
    `${none}${refusedWords(owners, clock)}; nothing was sent`,
    {
      required,
      received: 0,
      retryAfterSeconds: 1,
      replicas: owners.map((owner) => reportOfUnasked(owner, clock)),
    },
  )
}

/** The error if an owner was asked but its answer was lost: it may have done what it was asked to do. */
export function lostAnswer(
  code: 'outcome_unknown' | 'deadline_passed',
  { timeoutMs }: PlacedRequest,
  owner: string,
  asked: 'write' | 'decide',
  reason: LostReason,
): QuorateError {
  const why = lostAnswerWords(reason, timeoutMs)
  return new QuorateError(code, `${owner}, an owner of the key, was asked to ${asked} and ${why}`, {
    replicas: [
      { node: owner, ...lostAnswerReport(reason), ms: reason === 'deadline' ? timeoutMs : 0 },
    ],
  })
}

/** The error to send back to the node that forwarded the request. */
export function asQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  return new QuorateError('internal', String(error), {}, { cause: error })
}

/** Whether the error concerns one owner only, so that another owner may be asked instead. */
export function isOfThatOwner({ code }: QuorateError): boolean {
  return OF_THAT_OWNER.has(code)
}
