/** Answers the asks of nodes that follow this node's log of changes. */
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { CopyTrust } from '../replica/copy-trust.ts'
import { refusalToTellKeys } from '../replica/not-ready-reasons.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { ChangesAnswer, ChangesRequest } from '../wire/asks/watch-asks.ts'
import type { ChangePages } from './change-pages.ts'
import type { Watches } from './watches.ts'

export interface WatchAnswerParts {
  readonly keeper: TopologyKeeper
  readonly changePages: ChangePages
  readonly watches: Watches
  readonly arrival: CopyTrust
}

export function watchAnswers(parts: WatchAnswerParts): HandlersOf<'changes' | 'news'> {
  const { arrival, watches } = parts
  return {
    changes: (request, asker) => arrival.whenTold(asker.node, () => changes(parts, request, asker)),
    news: (_, { node }) => watches.heardNews(node),
  }
}

function changes(
  { keeper, changePages, watches, arrival }: WatchAnswerParts,
  request: ChangesRequest,
  asker: Asker<ChangesAnswer>,
): void {
  if (keeper.bucket(request.bucket) === undefined) {
    asker.refuse({ code: 'unknown_bucket', message: request.bucket })
    return
  }
  const refusal = refusalToTellKeys(arrival, asker.node)
  if (refusal !== undefined) {
    asker.refuse(refusal)
    return
  }
  watches.noteReader(asker.node)
  void changePages.page(request).then((page) => {
    if ('code' in page) asker.refuse(page)
    else asker.answer(page)
  })
}
