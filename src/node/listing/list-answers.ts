/** Answers the asks for a page of the keys that this node holds. */
import { QuorateError } from '../../core/errors.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { CopyTrust } from '../replica/copy-trust.ts'
import { refusalToTellKeys } from '../replica/not-ready-reasons.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { ListRequest, PageAnswer } from '../wire/asks/list-asks.ts'
import { type KeyPages, PAGE_KEYS_MAX } from './key-pages.ts'
import { answerFor2 } from './list-page.ts'

export interface ListAnswerParts {
  readonly keeper: TopologyKeeper
  readonly pages: KeyPages
  readonly arrival: CopyTrust
}

export function listAnswers(codec: Codec, parts: ListAnswerParts): HandlersOf<'list'> {
  return {
    list: (request, asker) =>
      parts.arrival.whenTold(asker.node, () => list(codec, parts, request, asker)),
  }
}

function list(
  codec: Codec,
  { keeper, pages, arrival }: ListAnswerParts,
  request: ListRequest,
  asker: Asker<PageAnswer>,
): void {
  const { prefix, after, readsEncodedHeads } = request
  const bucket = keeper.bucket(request.bucket)
  if (bucket === undefined) {
    asker.refuse({ code: 'unknown_bucket', message: request.bucket })
    return
  }
  const refusal = refusalToTellKeys(arrival, asker.node)
  if (refusal !== undefined) {
    asker.refuse(refusal)
    return
  }
  const limit = Math.max(1, Math.min(request.limit, PAGE_KEYS_MAX))
  pages
    .page(bucket, { prefix, after, limit })
    .then((page): PageAnswer =>
      readsEncodedHeads ? { heads: 'encoded', ...page } : answerFor2(codec, page),
    )
    .then(
      (page) => asker.answer(page),
      (error: unknown) => {
        const isBusy = error instanceof QuorateError && error.code === 'overloaded'
        asker.refuse({ code: isBusy ? 'overloaded' : 'storage_failed', message: String(error) })
      },
    )
}
