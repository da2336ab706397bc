/** Explains to the client why a peer's answer is missing or does not count. The peer may have done what it was asked. */
import type { ReplicaReport } from '../../core/errors.ts'
import type { LostReason } from '../peers/reply.ts'

/** The predicate of a sentence whose subject is the peer. */
export function lostAnswerWords(reason: LostReason, timeoutMs: number): string {
  switch (reason) {
    case 'clock':
      return 'answered, but its clock is too far ahead: its answer does not count'
    case 'late':
      return 'answered that, by its clock, the deadline had passed'
    case 'link':
      return 'did not answer before the connection to it broke'
    case 'garbled':
      return 'answered with something that this node cannot read'
    case 'deadline':
      return `did not answer within ${timeoutMs} ms`
    default:
      return reason satisfies never
  }
}

export function lostAnswerReport(reason: LostReason): Pick<ReplicaReport, 'status' | 'error'> {
  switch (reason) {
    case 'clock':
      return { status: 'error', error: 'its clock is too far ahead: its answer does not count' }
    case 'link':
      return { status: 'unreachable' }
    case 'late':
      return { status: 'timeout', error: 'by its clock the deadline had passed' }
    case 'garbled':
      return { status: 'error', error: 'its answer cannot be read' }
    case 'deadline':
      return { status: 'timeout' }
    default:
      return reason satisfies never
  }
}
