/** The settings with which one node is composed: its id, the first members, and its limits. */
import type { Member } from '../core/placement/topology.ts'

export interface NodeSettings {
  readonly nodeId: string
  /** The configured first members. Used only if the disk holds no topology yet. */
  readonly members: readonly Member[]
  /**
   * The topology document that made this node a member, if it joins a running cluster. It takes the place of `members`.
   * Read at the start, and used only if the disk holds no topology yet.
   */
  readonly joined?: string | undefined
  /** `os` acknowledges writes before fsync in every bucket; `sync` leaves the choice to the bucket. */
  readonly durability: 'sync' | 'os'
  readonly requestTimeoutMs: number
  readonly maxClockDriftMs: number
  /** Bound of the cache of decoded objects, in bytes of their keys and values. */
  readonly cacheBytesMax: number
  /** Bound of the hints kept for one owner, in bytes. Further hints are dropped and counted. */
  readonly hintBytesPerOwnerMax: number
  /**
   * Bound of the record of a set, in bytes; 1 MiB if undefined. The bound of all siblings of a key follows from it
   * (sibling-limits.ts).
   */
  readonly maxValueBytes?: number
  /** Whether durable writes are missing from the disk: some of them, or all if the disk was replaced by a new one. */
  readonly hasLostData?: boolean
  /** Bound of the client requests under way at once. Further requests are refused as overloaded. */
  readonly inflightRequestsMax: number
  /** Called when this node learns that it is no longer a member (removal.ts). */
  readonly onRemoved?: () => void
  /** Called once, when another process runs under this node's id. This process then serves nothing and has to exit. */
  readonly onSuperseded?: (reason: string) => void
}
