/** A kind of object: it translates operations for the search, and numbers its states. */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { StateId, Step } from './search-problem.ts'

export interface LinearObject {
  /** Whether all keys can use one instance. Otherwise its numbers depend on the operations on one key. */
  readonly isShared: boolean
  /** Undefined if the operation shows nothing. Throws HistoryError if the object has no such operation. */
  readonly stepOf: (operation: Operation, source: number) => Step | undefined
  readonly stateOf: (value: Json) => StateId
  /** The state after a step that FOLLOWS. */
  readonly follows: (state: StateId, argument: number) => StateId
}
