/** What an acceptor says, as it travels: of a register of any kind of value. */
import type { AcceptorReply } from '../../core/consensus/acceptor.ts'
import { type Ballot, encodeBallot, parseBallot } from '../../core/consensus/ballot.ts'
import type { Encodable } from '../../ports/codec.ts'

export function encodeReply<T>(
  reply: AcceptorReply<T>,
  encodeValue: (value: T) => Encodable,
): Encodable[] {
  switch (reply.type) {
    case 'promise': {
      const value = reply.value === null ? null : encodeValue(reply.value)
      return ['promise', [...encodeBallot(reply.accepted)], value]
    }
    case 'accepted':
      return ['accepted']
    case 'conflict':
      return ['conflict', reply.phase, [...encodeBallot(reply.seen)], reply.mayHaveAccepted]
    default:
      return reply satisfies never
  }
}

/** The reply to a question at `ballot`; undefined for garbage. `decodeValue` gives undefined for that, too. */
export function decodeReply<T>(
  ballot: Ballot,
  body: readonly Encodable[],
  decodeValue: (data: Encodable) => T | undefined,
): AcceptorReply<T> | undefined {
  const [type, first, second] = body
  switch (type) {
    case 'accepted':
      return { type: 'accepted', ballot }
    case 'promise': {
      const accepted = parseBallot(first)
      const value = second === null || second === undefined ? null : decodeValue(second)
      if (accepted === undefined || value === undefined) return undefined
      return { type: 'promise', ballot, accepted, value }
    }
    case 'conflict': {
      const seen = parseBallot(second)
      if (seen === undefined) return undefined
      const phase = first === 'accept' ? 'accept' : 'prepare'
      return { type: 'conflict', ballot, phase, seen, mayHaveAccepted: body[3] !== false }
    }
    default:
      return undefined
  }
}
