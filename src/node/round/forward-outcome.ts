/** The errors of a forwarded request that no owner has answered, and the decision whether to try another owner. */
import { type ErrorCode, QuorateError } from '../../core/errors.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { refusedWords, reportOfUnasked } from '../peers/peer-reach.ts'
import type { NoAnswer } from '../peers/reply.ts'
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

/** What an owner was asked to do, and the error if it may have done that. */
export interface Forwarded {
  readonly verb: 'write' | 'decide'
  readonly ifLost: 'outcome_unknown' | 'deadline_passed'
}

/**
 * The error if an owner's coordinator has not answered a forwarded request; undefined if nothing was sent to it. A
 * refusal comes from the owner's node before its coordinator saw the request (another epoch, a broken clock).
 */
export function unansweredError(
  { timeoutMs }: PlacedRequest,
  owner: string,
  { verb, ifLost }: Forwarded,
  reply: NoAnswer,
): QuorateError | undefined {
  switch (reply.type) {
    case 'unsent':
      return undefined
    case 'refused': {
      const code = reply.code === 'clock_drift' ? 'clock_drift' : 'quorum_unreachable'
      const message = `${owner} refused to ${verb}: ${reply.message}`
      return new QuorateError(code, message, { retryAfterSeconds: 1 })
    }
    case 'lost': {
      const { reason } = reply
      const why = lostAnswerWords(reason, timeoutMs)
      const message = `${owner}, an owner of the key, was asked to ${verb} and ${why}`
      const ms = reason === 'deadline' ? timeoutMs : 0
      const replicas = [{ node: owner, ...lostAnswerReport(reason), ms }]
      return new QuorateError(ifLost, message, { replicas })
    }
    default:
      return reply satisfies never
  }
}

/** Whether the error concerns one owner only, so that another owner may be asked instead. */
export function isOfThatOwner({ code }: QuorateError): boolean {
  return OF_THAT_OWNER.has(code)
}

/** The error to send back to the node that forwarded the request. */
export function asQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  return new QuorateError('internal', String(error), {}, { cause: error })
}
