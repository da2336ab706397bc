/** Everything that the page shows of a live cluster at one instant: plain data. */
import type { ClusterSight } from '../picture/sight.ts'
import type { LiveEntry } from './live-log.ts'
import type { NodeRing, NodeStatus } from './node-status.ts'

export interface LiveScene {
  /** Null before the node has told anything. */
  readonly status: NodeStatus | null
  readonly sight: ClusterSight | null
  /** The chosen key; null if none is chosen. */
  readonly ring: NodeRing | null
  readonly log: readonly LiveEntry[]
  /** Why the node tells nothing now, as a sentence; null if it does. */
  readonly trouble: string | null
}
