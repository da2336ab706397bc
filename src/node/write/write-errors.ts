/** The errors of a failed write: each gives the reason, and whether the write may have been applied. */
import { QuorateError } from '../../core/errors.ts'
import type { WriteProtocol } from '../../core/replication/write-protocol.ts'
import type { WriteRound } from '../../core/replication/write-round.ts'
import type { PlacedRequest, ReplicaReports } from '../round/placed-request.ts'

const NOTHING_APPLIED = '; nothing was applied'

/** The error for a round that did not get its quorum. `isLate`: its time is over. */
export function unmetError(
  { need, timeoutMs }: PlacedRequest,
  round: WriteRound,
  reports: ReplicaReports,
  isLate: boolean,
): QuorateError {
  for (const node of nodesAsked(round)) reports.setSilent(node, isLate ? 'timeout' : 'pending')
  const required = Math.max(need.w, 1)
  const details = { required, received: round.got, replicas: reports.list() }
  const counted = `${round.got} of ${required} needed copies of the write were stored`
  if (round.lacksWhole) {
    const message =
      'the write was stored, but too few owners with complete copies have reported what it replaces: ' +
      'an older value may remain beside it or win over it; read the key, and write again'
    const found = { ...details, required: round.plan.wholeNeed, received: round.whole.length }
    return new QuorateError('outcome_unknown', message, found)
  }
  return round.settled === 'rejected'
    ? new QuorateError('quorum_unreachable', `${counted}${NOTHING_APPLIED}`, {
        ...details,
        retryAfterSeconds: 1,
      })
    : new QuorateError(
        'outcome_unknown',
        `${counted} within ${timeoutMs} ms; it may still be applied`,
        details,
      )
}

function nodesAsked({ plan: { self, targets } }: WriteRound): readonly string[] {
  const { owners, standIns, storesHere } = targets
  return [...(storesHere ? [self] : []), ...owners, ...standIns.map(({ holder }) => holder)]
}

/** Turns a rejection into *outcome unknown* if an earlier round may have stored the write. */
export function doubted(error: QuorateError, { doubt, firstMet }: WriteProtocol): QuorateError {
  if (doubt === 'none' || error.kind.outcome === 'unknown') return error
  const isMoved = doubt === 'stored-before-move'
  // Only the last round applied nothing. An earlier round may have stored the write.
  const why = error.message.replace(NOTHING_APPLIED, '')
  const message = isMoved
    ? `the key has moved during the write, and the write may have been applied: ${why}`
    : `the write was stored, but could not be completed: ${why}`
  const details = isMoved ? error.details : { ...error.details, received: firstMet?.got ?? 0 }
  return new QuorateError('outcome_unknown', message, details, { cause: error })
}

export function hasMoved(self: string): QuorateError {
  const message = `the owners of the key changed before ${self} could write it${NOTHING_APPLIED}`
  return new QuorateError('quorum_unreachable', message, { retryAfterSeconds: 1 })
}

/** After the deadline a write is never made, because its client no longer waits. */
export function lateDisk({ timeoutMs }: PlacedRequest): QuorateError {
  const message = `the disk of this node did not answer within ${timeoutMs} ms${NOTHING_APPLIED}`
  return new QuorateError('storage_failed', message, { retryAfterSeconds: 1 })
}
