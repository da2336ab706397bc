/**
 * An acceptor's answer (core/consensus/acceptor.ts). It does not repeat the ballot of the question, because the asker
 * knows that ballot.
 */
import type { Ballot } from '../../../core/consensus/ballot.ts'
import { encodeBallot } from '../../../core/consensus/ballot.ts'
import type { Encodable } from '../../../ports/codec.ts'
import type { Fields } from './ask-format.ts'
import { ballotIn } from './fields.ts'

export type AcceptorAnswer<Value> =
  | { readonly type: 'promise'; readonly accepted: Ballot; readonly value: Value | null }
  | { readonly type: 'accepted' }
  | {
      readonly type: 'conflict'
      readonly phase: 'prepare' | 'accept'
      readonly seen: Ballot
      readonly mayHaveAccepted: boolean
    }

/** ['promise', accepted, value or null], ['accepted'], or ['conflict', phase, seen, mayHaveAccepted] */
export function encodeAcceptorAnswer(
  answer: AcceptorAnswer<Encodable>,
  message: Encodable[],
): void {
  switch (answer.type) {
    case 'promise':
      message.push('promise', encodeBallot(answer.accepted), answer.value)
      return
    case 'accepted':
      message.push('accepted')
      return
    case 'conflict':
      message.push('conflict', answer.phase, encodeBallot(answer.seen), answer.mayHaveAccepted)
      return
    default:
      answer satisfies never
  }
}

/** Throws on garbage. `valueIn` must do the same. */
export function decodeAcceptorAnswer<Value>(
  [type, first, second, third]: Fields,
  valueIn: (field: unknown) => Value,
): AcceptorAnswer<Value> {
  switch (type) {
    case 'accepted':
      return { type: 'accepted' }
    case 'promise': {
      const isEmpty = second === null || second === undefined
      return { type, accepted: ballotIn(first), value: isEmpty ? null : valueIn(second) }
    }
    case 'conflict': {
      const phase = first === 'accept' ? 'accept' : 'prepare'
      return { type, phase, seen: ballotIn(second), mayHaveAccepted: third !== false }
    }
    default:
      throw new Error('not an answer of an acceptor')
  }
}
