/** Which mechanism answers which ask of another node. */
import type { Timestamp } from '../core/causality/dot.ts'
import type { Codec } from '../ports/codec.ts'
import type { Disk } from '../ports/disk.ts'
import { hintAsks } from './hints/hint-asks.ts'
import type { HintStore } from './hints/hint-store.ts'
import type { PeerLives } from './identity/peer-lives.ts'
import type { KeyPages } from './listing/key-pages.ts'
import { listAsks } from './listing/list-asks.ts'
import { moveAsks } from './moves/move-asks.ts'
import type { MovesView } from './moves/moves-view.ts'
import type { Release } from './moves/release.ts'
import type { AskHandlers, HandlersOf } from './peers/ask-handlers.ts'
import type { Liveness } from './peers/liveness.ts'
import { memberAsks } from './peers/member-asks.ts'
import type { TreeAnswers } from './repair/tree-answers.ts'
import type { CopyTrust } from './replica/copy-trust.ts'
import type { Replica } from './replica/replica.ts'
import type { Requests } from './requests/requests.ts'
import type { ClusterView } from './status/cluster-view.ts'
import type { RegisterAcceptor } from './strong/register-acceptor.ts'
import { registerAsks } from './strong/register-asks.ts'
import { registerChangeAsks } from './strong/register-forward.ts'
import type { TopologyAcceptor } from './topology/topology-acceptor.ts'
import { topologyAsks } from './topology/topology-asks.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'
import { writeAsks } from './write/write-forward.ts'

export interface PeerAskParts {
  readonly self: string
  readonly disk: Disk
  readonly keeper: TopologyKeeper
  readonly replica: Replica
  readonly hints: HintStore
  readonly requests: Requests
  readonly pages: KeyPages
  readonly view: ClusterView
  readonly voter: TopologyAcceptor
  readonly acceptor: RegisterAcceptor
  readonly liveness: Liveness
  readonly lives: PeerLives
  readonly trees: TreeAnswers
  readonly copyAsks: HandlersOf<'apply' | 'read' | 'version' | 'fetch'>
  /** Whether this node may still keep a write of that time for other nodes. */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  readonly release: Release
  readonly movesView: MovesView
  readonly arrival: CopyTrust
}

export function peerAsks(codec: Codec, parts: PeerAskParts): AskHandlers {
  const { keeper, requests } = parts
  return {
    ...parts.copyAsks,
    ...hintAsks(parts),
    ...registerAsks(parts),
    ...writeAsks((request, deadlineMs) => requests.putForwarded(request, deadlineMs)),
    ...registerChangeAsks(codec, ({ operation, ...options }, deadlineMs) =>
      requests.proposeForwarded(options, operation, deadlineMs),
    ),
    ...listAsks(codec, parts),
    ...parts.trees.handlers(),
    ...moveAsks(parts),
    ...topologyAsks(keeper, parts.voter),
    ...memberAsks(parts.lives, parts.liveness),
    ...parts.view.asks(),
  }
}
