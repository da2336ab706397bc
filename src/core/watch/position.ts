/** How far a watch has come: which node's log tells it the changes of which data partitions, and from where on. */

/** A place in the log of changes of one process: everything up to `sequence` lies before it. */
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
