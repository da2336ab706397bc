/** What a read is given: the mechanisms of the node that it needs, what is believed of the other nodes, and its end. */
import type { QuorateError } from '../../core/errors.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import type { Peers } from '../peers/peers.ts'
import type { Replica } from '../replica/replica.ts'
import type { ReadAnswer } from '../service/service.ts'

export interface ReadParts {
  readonly self: string
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  /** Whether it is worth asking; for sloppy levels, whether it is expected to answer soon. */
  readonly inReach: (node: string, sloppy: boolean) => boolean
  /** Whether the own copy counts in a quorum. */
  readonly isProven: () => boolean
  /** Smoothed round trip to a peer; smaller is asked first. */
  readonly latencyMs: (node: string) => number
}

/** Either `answered` or `failed` is called, once. */
export interface ReadEnd {
  readonly answered: (answer: ReadAnswer) => void
  readonly failed: (error: QuorateError) => void
  /** Whether the owners not asked may be compared after the answer: a bounded rate. */
  readonly mayCompareLate: () => boolean
}
