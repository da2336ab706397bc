/** Builds small histories by hand: each call is one event, at the next millisecond. */
import type { EventType, HistoryEvent, Json } from '../../src/checker/history/history.ts'

export interface Told {
  readonly process: number
  readonly session?: number
  readonly type: EventType
  readonly f: string
  readonly key?: string
  readonly value?: Json
  readonly node?: string
  readonly error?: string
}

export function historyOf(told: readonly Told[]): HistoryEvent[] {
  return told.map((event, index) => ({ value: null, ...event, index, time: index * 1_000_000 }))
}

let nextProcess = 0

/** An operation alone: nothing else happens between its two events. */
export function done(
  f: string,
  key: string,
  value: Json,
  end: Exclude<EventType, 'invoke'> = 'ok',
  node = 'n1',
): Told[] {
  const process = nextProcess++
  const invoked = f === 'read' ? null : value
  return [
    { process, type: 'invoke', f, key, value: invoked, node },
    { process, type: end, f, key, value, node },
  ]
}
