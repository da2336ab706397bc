/** The ladder of levels for a page. */
import { HistoryError, type HistoryEvent } from '../../checker/history/history.ts'
import { type Ladder, ladderOf } from '../../checker/levels/ladder.ts'

/** How often the searches may look at the clock, and the memory that they may use. */
const LOOKS_MAX = 4000
const MEMORY_BYTES = 200_000_000

/**
 * Undefined if the history has other operations than reads, writes, deletes and compare-and-sets. The clock counts its
 * calls, so that the page does not depend on how fast the machine is.
 */
export function reportLadder(history: readonly HistoryEvent[]): Ladder | undefined {
  let looks = 0
  try {
    return ladderOf(history, undefined, {
      nowMs: () => looks++,
      timeMs: LOOKS_MAX,
      memoryBytes: MEMORY_BYTES,
    })
  } catch (error) {
    if (error instanceof HistoryError) return undefined
    throw error
  }
}
