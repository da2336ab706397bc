/**
 * The input of the search: the operations on one object as numbers, so that a million of them fit and a step costs a
 * few comparisons. `needs`, `avoids` and `gives` express everything that a model says about an operation.
 */

import type { Scratch } from './scratch.ts'

/** A value of `needs` and `avoids`: any state will do. */
export const ANY = -1
/** A value of `gives`: the state does not change. */
export const SAME = -1
/** A value of `gives`: `Problem.follows` computes the next state. */
export const FOLLOWS = -2

/** A state is a whole number from 0. Equal states have equal numbers. */
export type StateId = number

export interface Problem {
  /** Lent the arrays of the problem, and lends those for deciding it. */
  readonly scratch: Scratch
  /** The number of operations. They are numbered in the order of their invocation. */
  readonly count: number
  /** For each operation its row in the table from which the problem was made. */
  readonly rows: Int32Array
  /** The events in order: `op` for an invocation, `~op` for a return. Crashed operations never return. */
  readonly events: Int32Array
  /** 1 if the outcome is unknown: the operation may take effect at any later time, or never. */
  readonly isCrashed: Int32Array
  /** The state in which the operation can take effect. */
  readonly needs: Int32Array
  /** The state in which the operation cannot take effect. */
  readonly avoids: Int32Array
  /** The state after the operation. */
  readonly gives: Int32Array
  /** Possible initial states. An order from one of them is enough. */
  readonly initial: readonly StateId[]
  /** The argument of an operation whose `gives` is FOLLOWS. */
  readonly argumentOf: (op: number) => number
  /** The state after such an operation. */
  readonly follows: (state: StateId, op: number) => StateId
}

/** One operation, before it becomes a part of the problem. */
export interface Step {
  /** Its row in the table of all operations on the object. */
  readonly source: number
  readonly isCrashed: boolean
  /** Indexes of its events in the history. */
  readonly firstIndex: number
  readonly lastIndex: number
  readonly needs: StateId
  readonly avoids: StateId
  readonly gives: StateId
  /** The argument for `follows` if `gives` is FOLLOWS; otherwise 0. */
  readonly argument: number
}
