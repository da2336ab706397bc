/** What a write is given: the mechanisms of the node that it needs, and what is believed of the other nodes. */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import type { Peers } from '../peers/peers.ts'
import type { PendingDots } from '../replica/pending-dots.ts'
import type { Replica } from '../replica/replica.ts'
import type { PlacedRequest } from '../round/placed-request.ts'

export interface WriteParts {
  readonly self: string
  /** The actor of this life of the node. */
  readonly actor: string
  /** The largest record of a set. */
  readonly setBytesMax: number
  /** Of several siblings together (sibling-limits.ts). */
  readonly objectBytesMax: number
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly pending: PendingDots
  /** Whether the own copies count in a quorum. */
  readonly isProven: () => boolean
  /** Whether a copy stored here may count as this node's (arrival.ts). */
  readonly mayCount: (placed: PlacedRequest) => boolean
  /** Of a data partition. */
  readonly horizon: (partition: number) => Timestamp
  /** The placement in force (topology-keeper.ts). */
  readonly placedAt: () => number
  /** The same request under it. */
  readonly placeAgain: (placed: PlacedRequest) => PlacedRequest
  /** Whether something that old may still be kept here for others (horizon-keeper.ts). */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  /** Whether it is worth asking; for sloppy levels, whether it is expected to answer soon. */
  readonly inReach: (node: string, sloppy: boolean) => boolean
}
