/** A kind of object: it translates operations for the search, and numbers its states. */
import type { HistoryEvent, Json } from '../history/history.ts'
import type { StateId } from './search-problem.ts'
import type { StepTable } from './step-table.ts'

export interface LinearObject {
  /** Whether all keys can use one instance. Otherwise its numbers depend on the operations on one key. */
  readonly isShared: boolean
  /**
   * Fills the row of an operation from its events. The row stays empty if the operation shows nothing. Throws
   * HistoryError if the object has no such operation.
   */
  readonly tabulate: (
    invoked: HistoryEvent,
    ended: HistoryEvent | undefined,
    table: StepTable,
    row: number,
  ) => void
  readonly stateOf: (value: Json) => StateId
  /** The state after a step that FOLLOWS. */
  readonly follows: (state: StateId, argument: number) => StateId
}
