/** The mechanisms of the node that a read uses, its beliefs about other nodes, and the callbacks for its result. */
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import type { PeerReach } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { Replica } from '../replica/replica.ts'
import type { RequestEnd } from '../round/request-end.ts'
import type { ReadAnswer } from '../service/service.ts'

export interface ReadParts {
  readonly self: string
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  readonly reach: PeerReach
  /** Whether this node's copy counts in a quorum. */
  readonly isProven: () => boolean
  /** The smoothed round-trip time to a peer. The peer with the smallest one is asked first. */
  readonly latencyMs: (node: string) => number
}

export interface ReadEnd extends RequestEnd<ReadAnswer> {
  /** Whether the read may compare further owners after its answer. The rate is bounded. */
  readonly mayCompareLate: () => boolean
}
