/** Composes the answers to the asks of other nodes: each room answers its own. */
import type { Timestamp } from '../core/causality/dot.ts'
import type { Codec } from '../ports/codec.ts'
import type { HeldCuts } from './backup/held-cuts.ts'
import type { BucketContents } from './buckets/bucket-contents.ts'
import type { Disk } from '../ports/disk.ts'
import { hintAnswers } from './hints/hint-answers.ts'
import type { HintStore } from './hints/hint-store.ts'
import type { PeerLives } from './identity/peer-lives.ts'
import type { KeyPages } from './listing/key-pages.ts'
import { listAnswers } from './listing/list-answers.ts'
import { moveAnswers } from './moves/move-answers.ts'
import type { MovesView } from './moves/moves-view.ts'
import type { Release } from './moves/release.ts'
import type { AskHandlers, HandlersOf } from './peers/ask-handlers.ts'
import { type AskTraces, traceAnswers } from './peers/ask-traces.ts'
import type { Liveness } from './peers/liveness.ts'
import { memberAnswers } from './peers/member-answers.ts'
import type { TreeAnswers } from './repair/tree-answers.ts'
import type { CopyTrust } from './replica/copy-trust.ts'
import type { Replica } from './replica/replica.ts'
import type { Requests } from './requests/requests.ts'
import type { ClusterView } from './status/cluster-view.ts'
import type { RegisterAcceptor } from './strong/register-acceptor.ts'
import { registerAnswers } from './strong/register-answers.ts'
import { registerChangeAnswers } from './strong/register-forward.ts'
import type { TopologyAcceptor } from './topology/topology-acceptor.ts'
import { topologyAnswers } from './topology/topology-answers.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'
import type { ChangePages } from './watch/change-pages.ts'
import { watchAnswers } from './watch/watch-answers.ts'
import type { Watches } from './watch/watches.ts'
import { writeAnswers } from './write/write-forward.ts'

export interface PeerAskParts {
  readonly self: string
  readonly disk: Disk
  readonly keeper: TopologyKeeper
  readonly replica: Replica
  readonly hints: HintStore
  readonly requests: Requests
  readonly pages: KeyPages
  readonly changePages: ChangePages
  readonly watches: Watches
  readonly view: ClusterView
  readonly voter: TopologyAcceptor
  readonly acceptor: RegisterAcceptor
  readonly liveness: Liveness
  readonly lives: PeerLives
  readonly trees: TreeAnswers
  readonly copyAnswers: HandlersOf<'apply' | 'read' | 'version' | 'fetch'>
  /** Whether this node may still keep a write of that time for other nodes. */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  readonly release: Release
  readonly movesView: MovesView
  readonly arrival: CopyTrust
  readonly contents: BucketContents
  readonly heldCuts: HeldCuts
  /** Undefined if this node traces nothing. */
  readonly traces: AskTraces | undefined
}

export function peerAsks(codec: Codec, parts: PeerAskParts): AskHandlers {
  const { keeper, requests } = parts
  return {
    ...parts.copyAnswers,
    ...hintAnswers(parts),
    ...registerAnswers(parts),
    ...writeAnswers((request, deadlineMs) => requests.putForwarded(request, deadlineMs)),
    ...registerChangeAnswers(codec, ({ operation, ...options }, deadlineMs) =>
      requests.proposeForwarded(options, operation, deadlineMs),
    ),
    ...listAnswers(codec, parts),
    ...watchAnswers(parts),
    ...parts.trees.handlers(),
    ...moveAnswers(parts),
    ...topologyAnswers(keeper, parts.voter),
    ...memberAnswers(parts.lives, parts.liveness),
    ...parts.view.answers(),
    ...parts.contents.answers(),
    ...parts.heldCuts.answers(),
    ...traceAnswers(parts.traces),
  }
}
