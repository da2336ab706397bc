/**
 * How far a watch has come: for each data partition, the node whose log tells its changes, and the place in that log.
 */

/** A place in the log of changes of one process. The change with the number `sequence` lies just before it. */
export interface LogPlace {
  readonly node: string
  /** The number of the log. A log ends with its process. */
  readonly life: number
  readonly sequence: number
}

/** The data partitions that one log tells, from a place on. */
export interface FeedPlace extends LogPlace {
  readonly partitions: readonly number[]
}

export interface Position {
  /** No data partition is in two feeds. A partition in no feed waits for an owner that has a mark. */
  readonly feeds: readonly FeedPlace[]
  /** Safe places in the logs of the nodes, at most one for each (following.ts). */
  readonly marks: readonly LogPlace[]
}
