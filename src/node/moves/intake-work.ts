/** This node's work for one change: what it takes over, and how far it is. */
export interface IntakeWork {
  readonly changeId: number
  readonly partitions: readonly number[]
  readonly startMs: number
  /** Partitions streamed so far. */
  streamed: number
  keys: number
  bytes: number
  /** Undefined until the leftovers have been cleared. */
  firstRound: number | undefined
  readonly tookOver: Set<string>
  isStreaming: boolean
  isOver: boolean
}

/** Whether the work is to take over exactly these partitions for that change. */
export function isWorkFor(
  work: IntakeWork,
  changeId: number | undefined,
  partitions: readonly number[],
): boolean {
  return (
    work.changeId === changeId &&
    work.partitions.length === partitions.length &&
    work.partitions.every((partition, i) => partition === partitions[i])
  )
}
