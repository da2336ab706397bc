/** Answers the asks about a change of the members. */
import { copyCounts } from '../../core/placement/topology.ts'
import { refillSources } from '../../core/placement/preference-list.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { CopyTrust } from '../replica/copy-trust.ts'
import { BEING_FILLED, TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { StreamPage, StreamRequest } from '../wire/asks/move-asks.ts'
import type { MovesView } from './moves-view.ts'
import { streamPage } from './partition-stream.ts'
import type { Release } from './release.ts'

export interface MoveAnswerParts {
  readonly keeper: TopologyKeeper
  readonly disk: Disk
  readonly arrival: CopyTrust
  readonly release: Release
  readonly movesView: MovesView
}

export function moveAnswers(parts: MoveAnswerParts): HandlersOf<'stream' | 'took-over' | 'moves'> {
  return {
    stream: (request, asker) => stream(parts, request, asker),
    'took-over': ({ placementVersion }, asker) => parts.release.heard(asker.node, placementVersion),
    moves: (_request, asker) => asker.answer({ progress: parts.movesView.ownProgress() }),
  }
}

function stream(parts: MoveAnswerParts, request: StreamRequest, asker: Asker<StreamPage>): void {
  if (!parts.arrival.mayTell(asker.node)) {
    asker.refuse({ code: 'not_ready', message: TOO_FEW_HAVE_TOLD })
    return
  }
  // An old directory still holds keys that the others have deleted since, and have forgotten.
  if (!isFilledIn(parts, request.partition)) {
    asker.refuse({ code: 'not_ready', message: BEING_FILLED })
    return
  }
  streamPage(parts.disk, request).then(
    (page) => asker.answer(page),
    (error: unknown) => asker.refuse({ code: 'storage_failed', message: String(error) }),
  )
}

/** Whether this node's copies of the partition are complete, in buckets of every replica count. */
function isFilledIn({ keeper, arrival }: MoveAnswerParts, partition: number): boolean {
  const { topology } = keeper
  return copyCounts(topology).every((n) =>
    arrival.mayRead(() => refillSources(topology, n, partition)),
  )
}
