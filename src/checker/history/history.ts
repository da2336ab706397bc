/**
 * A history: what clients of a store asked and were told, in the order in which one recorder saw it, as Jepsen
 * writes it. Knows no store; the values mean what a model says they mean.
 *
 * Invariant: `index` and `time` never decrease; a client process has at most one operation open.
 */

export const EVENT_TYPES = ['invoke', 'ok', 'fail', 'info'] as const

/**
 * `invoke` opens an operation; `ok`: it happened; `fail`: it certainly did not, and never will; `info`: not
 * known, it may yet happen.
 */
export type EventType = (typeof EVENT_TYPES)[number]

/** The error of a cas that found another value than it expected. */
export const MISMATCH = 'mismatch'

/** The process of the events that say what was done to the cluster. They are all `info`. */
export const NEMESIS = 'nemesis'

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

export interface HistoryEvent {
  readonly index: number
  /** Nanoseconds since the start of the run. */
  readonly time: number
  readonly process: number | typeof NEMESIS
  readonly type: EventType
  /** What is done: read, write, cas, add, delete; for the nemesis the name of the fault. */
  readonly f: string
  /** Absent where the system has one object only. */
  readonly key?: string
  readonly value: Json
  readonly error?: string
  /** The node that was asked. */
  readonly node?: string
  /**
   * Whose session the operation is part of, where one goes on after an unknown outcome as another process;
   * elsewhere each process is a session.
   */
  readonly session?: number
  /** `value` is null because the client was not told: to Jepsen's own models a read of `nil` says nothing. */
  readonly isUntold?: true
}

/** A history that is not one. `line` counts from 1, and is 0 where the events came from elsewhere. */
export class HistoryError extends Error {
  readonly line: number

  constructor(line: number, problem: string) {
    super(line > 0 ? `line ${line}: ${problem}` : problem)
    this.name = 'HistoryError'
    this.line = line
  }
}

/** A time of a history for people: seconds with three decimals. */
export function seconds(timeNs: number): string {
  return `${(timeNs / 1e9).toFixed(3)} s`
}
