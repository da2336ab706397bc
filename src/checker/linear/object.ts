/** A kind of object: what its operations mean to the search. One is made for each key, with numbers of its own. */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { StateId, Step } from './search-problem.ts'

export interface LinearObject {
  /** Undefined where the operation tells nothing. Errors: HistoryError where it is not one of this object. */
  readonly stepOf: (operation: Operation, source: number) => Step | undefined
  readonly stateOf: (value: Json) => StateId
  readonly valueOf: (state: StateId) => Json
  /** The state after a step that FOLLOWS. */
  readonly follows: (state: StateId, argument: number) => StateId
}
