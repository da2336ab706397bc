/** A kind of object: it translates operations for the search. Each key has its own instance, with its own numbers. */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { StateId, Step } from './search-problem.ts'

export interface LinearObject {
  /** Undefined if the operation shows nothing. Throws HistoryError if the object has no such operation. */
  readonly stepOf: (operation: Operation, source: number) => Step | undefined
  readonly stateOf: (value: Json) => StateId
  readonly valueOf: (state: StateId) => Json
  /** The state after a step that FOLLOWS. */
  readonly follows: (state: StateId, argument: number) => StateId
}
