/** Answers the asks of peers about the topology document, and their questions to this node as a voter. */
import type { HandlersOf } from '../peers/ask-handlers.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import type { TopologyAcceptor } from './topology-acceptor.ts'
import { encodeTopology } from './topology-document.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

const ONLY_SHOWN =
  'this node is not a member, and has only the part of the topology document that it was shown'

type Kinds = 'topology' | 'decided' | 'prepare' | 'accept' | 'recall'

export function topologyAnswers(
  keeper: TopologyKeeper,
  voter: TopologyAcceptor,
): HandlersOf<Kinds> {
  return {
    topology: (_request, asker) => {
      if (keeper.isWhole()) asker.answer({ document: encodeTopology(keeper.topology) })
      else asker.refuse({ code: 'not_ready', message: ONLY_SHOWN })
    },
    decided: ({ document }, asker) => {
      keeper.adopt(document).then(
        () => asker.answer(NO_FIELDS),
        (error: unknown) => asker.refuse({ code: 'failed', message: String(error) }),
      )
    },
    prepare: (request, asker) => voter.handle({ kind: 'prepare', ...request }, asker),
    accept: (request, asker) => voter.handle({ kind: 'accept', ...request }, asker),
    recall: (request, asker) => voter.handle({ kind: 'recall', ...request }, asker),
  }
}
