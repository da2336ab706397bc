/** The mechanisms of the node that a write uses. `reach` is only a belief, and never decides whether a copy counts. */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import type { PeerReach } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { PendingDots } from '../replica/pending-dots.ts'
import type { Replica } from '../replica/replica.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { RequestPlacer } from '../round/request-placer.ts'

export interface WriteParts {
  readonly self: string
  /** The actor of this life of the node. */
  readonly actor: string
  /** The largest record of a set, in bytes. */
  readonly setBytesMax: number
  /** The largest record of a key with several siblings, in bytes (sibling-limits.ts). */
  readonly objectBytesMax: number
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly pending: PendingDots
  /** Whether this node's copies count in a quorum. */
  readonly isProven: () => boolean
  /** Whether a copy of the key stored here may count as this node's (arrival.ts). */
  readonly mayCount: (placed: PlacedRequest) => boolean
  /** The horizon of a data partition: everything up to this timestamp has settled. */
  readonly horizon: (partition: number) => Timestamp
  readonly placer: RequestPlacer
  /** Whether this node may still keep a write of that time for other nodes (horizon-keeper.ts). */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  /** Whether the node is worth asking. With `sloppy`: whether it is expected to answer soon. */
  readonly reach: PeerReach
}
