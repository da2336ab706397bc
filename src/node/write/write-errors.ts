/** How a write is told to have failed: why, and whether it may have been applied. */
import { QuorateError } from '../../core/errors.ts'
import type { WriteProtocol } from '../../core/replication/write-protocol.ts'
import type { WriteRound } from '../../core/replication/write-round.ts'
import type { PlacedRequest, ReplicaReports } from '../round/placed-request.ts'

/** Why a round was not met. */
export function unmetError(
  { need, timeoutMs }: PlacedRequest,
  round: WriteRound,
  reports: ReplicaReports,
): QuorateError {
  const required = Math.max(need.w, 1)
  const details = { required, received: round.got, replicas: reports.list() }
  const counted = `${round.got} of ${required} needed copies of the write were stored`
  if (round.lacksWhole) {
    const message =
      'the write was stored, but too few owners whose copies are complete have said what it replaces: ' +
      'an older value may stand beside it, or win over it; read the key, and write again'
    const found = { ...details, required: round.plan.wholeNeed, received: round.whole.length }
    return new QuorateError('outcome_unknown', message, found)
  }
  return round.settled === 'rejected'
    ? new QuorateError('quorum_unreachable', `${counted}; nothing was applied`, {
        ...details,
        retryAfterSeconds: 1,
      })
    : new QuorateError(
        'outcome_unknown',
        `${counted} within ${timeoutMs} ms; it may still be applied`,
        details,
      )
}

/** The error as it is told where earlier rounds may have stored the write: then it is not rejected. */
export function doubted(error: unknown, { doubt, firstMet }: WriteProtocol): unknown {
  if (doubt === 'none' || !(error instanceof QuorateError) || error.kind.outcome === 'unknown') {
    return error
  }
  const isMoved = doubt === 'stored-before-move'
  const message = isMoved
    ? `the key has moved while it was written, and may have been: ${error.message}`
    : `the write was stored, but could not be completed: ${error.message}`
  const details = isMoved ? error.details : { ...error.details, received: firstMet?.got ?? 0 }
  return new QuorateError('outcome_unknown', message, details, { cause: error })
}

export function hasMoved(self: string): QuorateError {
  const message = `the owners of the key have changed before ${self} wrote it; nothing was applied`
  return new QuorateError('quorum_unreachable', message, { retryAfterSeconds: 1 })
}

/** Nobody waits any more: a write is made before its deadline, or never. */
export function lateDisk({ timeoutMs }: PlacedRequest): QuorateError {
  const message = `the own disk did not answer within ${timeoutMs} ms; nothing was applied`
  return new QuorateError('storage_failed', message, { retryAfterSeconds: 1 })
}
