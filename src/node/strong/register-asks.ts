/** Answers other nodes' questions to this node as an acceptor of strong keys. */
import { encodeBallot, parseBallot } from '../../core/consensus/ballot.ts'
import { ballotOf } from '../../core/consensus/register.ts'
import type { Encodable } from '../../ports/codec.ts'
import { encodeReply } from '../wire/acceptor-messages.ts'
import { copyIn } from '../round/received-copies.ts'
import type { AnswerWith } from '../peers/peers.ts'
import type { RegisterAcceptor, ReplyTaker } from './register-acceptor.ts'
import type { Location, Replica } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'

export class RegisterAsks {
  readonly #acceptor: RegisterAcceptor
  readonly #replica: Replica

  constructor(acceptor: RegisterAcceptor, replica: Replica) {
    this.#acceptor = acceptor
    this.#replica = replica
  }

  handle(
    kind: 'register-prepare' | 'register-accept' | 'register-read',
    at: Location,
    body: readonly Encodable[],
    answer: AnswerWith,
  ): void {
    if (at.bucket.mode !== 'strong') {
      answer('bad_message', `the bucket ${at.bucket.name} is not strong`)
      return
    }
    switch (kind) {
      case 'register-prepare': {
        const [placementVersion, content] = body
        const ballot = parseBallot(content)
        if (ballot === undefined) answer('bad_message', 'not a ballot')
        else this.#acceptor.prepare(at, Number(placementVersion), ballot, replyWith(answer))
        return
      }
      case 'register-accept': {
        const [placementVersion, content] = body
        const copy = content instanceof Uint8Array ? copyIn(this.#replica, content) : undefined
        if (copy === undefined || copy.object.vector.size !== 1)
          answer('bad_message', 'no proposal')
        else this.#acceptor.accept(at, Number(placementVersion), copy, replyWith(answer))
        return
      }
      case 'register-read':
        this.#acceptor.read(at, (state, refusal) => {
          if (state === undefined) {
            answer((refusal as Refusal).code, (refusal as Refusal).message)
            return
          }
          const { copy, isUncontested } = state
          const said = body[0] === true ? copy.record : [...encodeBallot(ballotOf(copy.object))]
          answer('ok', isUncontested, said)
        })
        return
      default:
        kind satisfies never
    }
  }

  /** Tells a node that gains keys an upper bound of this node's promises (`RegisterAcceptor.raiseFloorOf`). */
  tellPromised(placementVersion: number, answer: AnswerWith): void {
    const told = this.#acceptor.promisedUnder(placementVersion)
    if (told === undefined) answer('not_owner', 'another placement is in force here')
    else answer('ok', told)
  }
}

function replyWith(answer: AnswerWith): ReplyTaker {
  return (reply, refusal) => {
    if (reply !== undefined) answer('ok', ...encodeReply(reply, ({ record }) => record))
    else answer((refusal as Refusal).code, (refusal as Refusal).message)
  }
}
