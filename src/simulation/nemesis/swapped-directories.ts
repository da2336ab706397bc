/** Starts machines with a wrong directory: the one of another node, or an older copy of their own. */
import type { Fault } from '../plan/sim-fault.ts'
import type { Schedule } from '../world/schedule.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'

/** Both nodes stop, and start with the directory of the other. The undo swaps the directories again. */
export function swapDirectories(node: SimulatedNode, other: SimulatedNode): () => void {
  const swap = (): void => {
    node.crash('process')
    other.crash('process')
    node.platter.exchange(other.platter)
    node.start()
    other.start()
  }
  swap()
  return swap
}

export interface OlderCopyParts {
  readonly schedule: Schedule
  readonly mayLoseData: (node: string, backup: ReadonlyMap<string, Uint8Array>) => boolean
  readonly onDirectory: (node: string) => void
}

/**
 * Copies the directory now. In the middle of the fault the machine loses its power, and at the end of the fault
 * `startAgain` starts it with the copy.
 */
export function goBackToCopy(
  { schedule, mayLoseData, onDirectory }: OlderCopyParts,
  { startMs, endMs }: Fault,
  node: SimulatedNode,
  startAgain: () => void,
): () => void {
  const copy = node.platter.copy()
  let isOver = false
  schedule.after((endMs - startMs) * 500, () => {
    if (isOver || !node.hasProcess || !mayLoseData(node.id, copy)) return
    node.crash('machine')
    node.platter.restore(copy)
    onDirectory(node.id)
  })
  return () => {
    isOver = true
    startAgain()
  }
}
