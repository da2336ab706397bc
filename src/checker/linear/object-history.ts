/** Divides a history into the histories of its objects, in one pass. Each operation becomes a row of one table. */
import type { HistoryEvent } from '../history/history.ts'
import { type Operation, operationOf, pairEvents } from '../history/operation.ts'
import type { LinearObject } from './object.ts'
import { type Steps, StepTable } from './step-table.ts'
import { WholeNumbers } from './whole-numbers.ts'

/** The indexes of the events in the table are their places in the history. */
export interface ObjectHistory extends Steps {
  readonly key: string
  readonly object: LinearObject
}

export interface ObjectHistories {
  readonly objects: readonly ObjectHistory[]
  /** How many operations ended in each way. */
  readonly counts: Readonly<Record<Operation['outcome'], number>>
}

/** Throws HistoryError if the events do not pair, or if an object has no such operation. */
export function objectsOf(
  history: readonly HistoryEvent[],
  objectOf: () => LinearObject,
): ObjectHistories {
  const numbers = new Map<string, number>()
  const shared = objectOf()
  const objects: { readonly key: string; readonly object: LinearObject }[] = []
  const counts = { ok: 0, fail: 0, info: 0 }
  // Nearly every operation has two events.
  const expected = Math.ceil(history.length / 2) + 1
  const table = new StepTable(expected)
  const events = new WholeNumbers(history.length)
  /** For each row the number of its object. */
  const owners = new WholeNumbers(expected)
  pairEvents(
    history,
    ({ key = '' }, place) => {
      let number = numbers.get(key)
      if (number === undefined) {
        number = objects.push({ key, object: shared.isShared ? shared : objectOf() }) - 1
        numbers.set(key, number)
      }
      const row = table.begin(place)
      owners.push(number)
      events.push(row)
      return row
    },
    (row, invoked, ended, place) => {
      const operation = operationOf(invoked, ended)
      const { object } = objects[owners.at(row)] as { readonly object: LinearObject }
      const step = object.stepOf(operation, row)
      counts[operation.outcome]++
      table.end(row, ended === undefined ? table.firstOf(row) : place, step)
      if (step !== undefined && !step.isCrashed) events.push(~row)
    },
  )
  const eventsOf = divided(events, owners, objects.length)
  return {
    objects: objects.map((each, number) => ({ ...each, table, events: eventsOf(number) })),
    counts,
  }
}

/** Sorts the events by their owners, each in the same order as before. */
function divided(
  events: WholeNumbers,
  owners: WholeNumbers,
  ownerCount: number,
): (owner: number) => Int32Array {
  const ownerOf = (event: number): number => owners.at(event < 0 ? ~event : event)
  const ends = new Int32Array(ownerCount)
  const count = (owner: number): number => {
    const before = ends[owner] as number
    ends[owner] = before + 1
    return before
  }
  for (const event of events.items) count(ownerOf(event))
  let start = 0
  ends.forEach((size, owner) => {
    ends[owner] = start
    start += size
  })
  const sorted = new Int32Array(events.length)
  for (const event of events.items) sorted[count(ownerOf(event))] = event
  return (owner) => sorted.subarray(owner === 0 ? 0 : ends[owner - 1], ends[owner])
}

/** The operations of one object, in the order of their invocation. */
export function operationsOfObject(
  history: readonly HistoryEvent[],
  { table, events }: ObjectHistory,
): Operation[] {
  const rows = events.filter((event) => event >= 0)
  return Array.from(rows, (row) => operationAt(history, table, row))
}

export function operationAt(
  history: readonly HistoryEvent[],
  table: StepTable,
  row: number,
): Operation {
  const first = table.firstOf(row)
  const last = table.lastOf(row)
  return operationOf(history[first] as HistoryEvent, last === first ? undefined : history[last])
}
