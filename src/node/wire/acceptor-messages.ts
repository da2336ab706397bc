/** Encodes an acceptor's replies for the wire. The register may hold values of any type. */
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

/** Decodes the reply to a message with `ballot`. Returns undefined for garbage; `decodeValue` must do the same. */
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
