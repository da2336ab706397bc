/** Everything that the page shows of a live cluster at one instant: plain data. */
import type { ClusterSight } from '../picture/sight.ts'
import type { LiveEntry } from './live-log.ts'
import type { NodeClock } from './node-clock.ts'
import type { RequestSlots } from './request-slots.ts'
import type { NodeRing, NodeStatus } from './node-status.ts'

export interface LiveScene {
  /** Null before the node has told anything. */
  readonly status: NodeStatus | null
  readonly sight: ClusterSight | null
  /** The chosen key; null if none is chosen. */
  readonly ring: NodeRing | null
  readonly log: readonly LiveEntry[]
  /** The times of `log` and `requests` are of this clock. */
  readonly clock: NodeClock
  /** It grows: the charts look at it once a second. */
  readonly requests: RequestSlots
  /** Whether the page sends a token. */
  readonly hasToken: boolean
  /** Why the node does not let the page in, as a sentence; null if it does. */
  readonly notLetIn: string | null
  /** Whether the node is being asked with another token. */
  readonly isAsking: boolean
  /** Why the node tells nothing now, as a sentence; null if it does. */
  readonly trouble: string | null
}
