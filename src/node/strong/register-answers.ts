/** Answers the asks of other nodes to this node as an acceptor of strong keys (register-acceptor.ts). */
import { ballotOf } from '../../core/consensus/register.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { CopyTrust } from '../replica/copy-trust.ts'
import { TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import type { Location, Replica } from '../replica/replica.ts'
import { locationOf, type Places } from '../replica/replica-answers.ts'
import type { KeyRequest } from '../wire/asks/copy-asks.ts'
import type {
  RegisterAcceptRequest,
  RegisterAnswer,
  RegisterPrepareRequest,
  RegisterPromisedAnswer,
  RegisterReadAnswer,
  RegisterReadRequest,
} from '../wire/asks/register-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import { copyIn } from '../round/received-copies.ts'
import type { RegisterAcceptor, ReplyTaker } from './register-acceptor.ts'

export interface RegisterAnswerParts {
  readonly keeper: Places & { isDurable(): boolean }
  readonly acceptor: RegisterAcceptor
  readonly replica: Replica
  readonly arrival: CopyTrust
}

type Kinds = 'register-prepare' | 'register-accept' | 'register-read' | 'register-promised'

export function registerAnswers(parts: RegisterAnswerParts): HandlersOf<Kinds> {
  return {
    'register-prepare': (request, asker) => prepare(parts, request, asker),
    'register-accept': (request, asker) => accept(parts, request, asker),
    'register-read': (request, asker) => read(parts, request, asker),
    'register-promised': ({ placementVersion }, asker) =>
      tellPromised(parts, placementVersion, asker),
  }
}

function prepare(
  parts: RegisterAnswerParts,
  request: RegisterPrepareRequest,
  asker: Asker<RegisterAnswer>,
): void {
  const at = registerOf(parts, request, asker)
  if (at === undefined) return
  parts.acceptor.prepare(at, request.placementVersion, request.ballot, replyTo(asker))
}

function accept(
  parts: RegisterAnswerParts,
  request: RegisterAcceptRequest,
  asker: Asker<RegisterAnswer>,
): void {
  const at = registerOf(parts, request, asker)
  if (at === undefined) return
  const copy = copyIn(parts.replica, request.record)
  if (copy === undefined || copy.object.vector.size !== 1) {
    asker.refuse({ code: 'bad_message', message: 'no proposal' })
  } else parts.acceptor.accept(at, request.placementVersion, copy, replyTo(asker))
}

function read(
  parts: RegisterAnswerParts,
  request: RegisterReadRequest,
  asker: Asker<RegisterReadAnswer>,
): void {
  const at = registerOf(parts, request, asker)
  if (at === undefined) return
  parts.acceptor.read(at, (state, refusal) => {
    if (state === undefined) {
      asker.refuse(refusal as Refusal)
      return
    }
    const { copy, isUncontested } = state
    asker.answer(
      request.wantsCopy
        ? { type: 'copy', isUncontested, record: copy.record }
        : { type: 'ballot', isUncontested, ballot: ballotOf(copy.object) },
    )
  })
}

/** Tells a node that gains keys an upper bound of this node's promises (`RegisterAcceptor.raiseFloorOf`). */
function tellPromised(
  { arrival, keeper, acceptor }: RegisterAnswerParts,
  placementVersion: number,
  asker: Asker<RegisterPromisedAnswer>,
): void {
  if (!arrival.mayTell(asker.node)) {
    asker.refuse({ code: 'not_ready', message: TOO_FEW_HAVE_TOLD })
    return
  }
  // Until the topology is durable, a crash would bring back the old placement, and this node could then promise ballots
  // above its answer.
  if (!keeper.isDurable()) {
    asker.refuse({ code: 'not_ready', message: 'the topology is being stored' })
    return
  }
  const promisedUpTo = acceptor.promisedUnder(placementVersion)
  if (promisedUpTo !== undefined) asker.answer({ promisedUpTo })
  else asker.refuse({ code: 'not_owner', message: 'another placement is in force here' })
}

/** The register that the ask is about. Refuses the ask and returns undefined if this node must not answer it. */
function registerOf(
  { arrival, keeper }: RegisterAnswerParts,
  request: KeyRequest,
  asker: Asker<never>,
): Location | undefined {
  if (!arrival.mayTell(asker.node)) {
    asker.refuse({ code: 'not_ready', message: TOO_FEW_HAVE_TOLD })
    return undefined
  }
  const at = locationOf(keeper, request, asker)
  if (at === undefined || at.bucket.mode === 'strong') return at
  asker.refuse({ code: 'bad_message', message: `the bucket ${at.bucket.name} is not strong` })
  return undefined
}

function replyTo(asker: Asker<RegisterAnswer>): ReplyTaker {
  return (reply, refusal) => {
    if (reply === undefined) asker.refuse(refusal as Refusal)
    else if (reply.type === 'promise') {
      const { type, accepted, value } = reply
      asker.answer({ type, accepted, value: value === null ? null : value.record })
    } else asker.answer(reply)
  }
}
