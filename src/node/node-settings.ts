/** What one node is told when it is composed: who it is, with which members it begins, and its limits. */
import type { Member } from '../core/placement/topology.ts'

export interface NodeSettings {
  readonly nodeId: string
  /** The configured first members; used only where the disk holds no topology yet. */
  readonly members: readonly Member[]
  /**
   * Of a node that joins a running cluster: the document that made it a member, instead of `members`; used only where
   * the disk holds no topology yet. Read when the node starts.
   */
  readonly joined?: string | undefined
  /** `os` answers writes before fsync, for every bucket; `sync` leaves it to the bucket. */
  readonly durability: 'sync' | 'os'
  readonly requestTimeoutMs: number
  readonly maxClockDriftMs: number
  /** Decoded objects kept in memory, in bytes of their values and keys. */
  readonly cacheBytesMax: number
  /** Hints kept for one owner, in bytes; more are dropped and counted. */
  readonly hintBytesPerOwnerMax: number
  /** The record of a set, in bytes; 1 MiB where undefined. */
  readonly maxValueBytes?: number
  /** Whether writes that were durable are missing: some, or all, where the disk is a new one in the place of another. */
  readonly hasLostData?: boolean
  /** Client requests under way at once; more are refused as overloaded. */
  readonly inflightRequestsMax: number
  /** Told once, when this node finds that it is no member any more (removal.ts). */
  readonly onRemoved?: () => void
  /** Told once that another process has taken the place of this one: it serves nothing any more, and has to end. */
  readonly onSuperseded?: (reason: string) => void
}
