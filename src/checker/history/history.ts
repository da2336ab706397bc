/**
 * A history: the requests and answers of a store's clients, in the order in which one recorder saw them, in the form of
 * Jepsen. It knows nothing of the store; a model gives the values their meaning.
 *
 * Invariant: `index` and `time` never decrease; a client process has at most one operation open.
 */

export const EVENT_TYPES = ['invoke', 'ok', 'fail', 'info'] as const

/**
 * `invoke` opens an operation. `ok`: it happened. `fail`: it certainly did not happen and never will. `info`: unknown,
 * it may still happen.
 */
export type EventType = (typeof EVENT_TYPES)[number]

/** The error of a cas that found another value than it expected. */
export const MISMATCH = 'mismatch'

/** The process of the events that record faults of the cluster. All of them are `info`. */
export const NEMESIS = 'nemesis'

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

export interface HistoryEvent {
  readonly index: number
  /** Nanoseconds since the start of the run. */
  readonly time: number
  readonly process: number | typeof NEMESIS
  readonly type: EventType
  /** The operation: read, write, cas, add, delete; for the nemesis its action. */
  readonly f: string
  /** Absent if the system has only one object. */
  readonly key?: string
  readonly value: Json
  readonly error?: string
  /** The node that was asked. */
  readonly node?: string
  /**
   * The session of the operation, if sessions continue as another process after an unknown outcome. If absent, each
   * process is a session.
   */
  readonly session?: number
  /** `value` is null because the client did not learn it: for Jepsen's models a read of `nil` shows nothing. */
  readonly isUntold?: true
}

/** The history is malformed. `line` counts from 1; it is 0 if the events did not come from a file. */
export class HistoryError extends Error {
  readonly line: number

  constructor(line: number, problem: string) {
    super(line > 0 ? `line ${line}: ${problem}` : problem)
    this.name = 'HistoryError'
    this.line = line
  }
}

/** Formats a time of a history for people: seconds with three decimals. */
export function seconds(timeNs: number): string {
  return `${(timeNs / 1e9).toFixed(3)} s`
}
