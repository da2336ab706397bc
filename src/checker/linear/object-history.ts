/** Divides a history into the histories of its objects, in one pass. Each operation becomes a row of one table. */
import type { HistoryEvent } from '../history/history.ts'
import { type Operation, operationOf, outcomeOf, pairEvents } from '../history/operation.ts'
import type { LinearObject } from './object.ts'
import { BLOCK_ROWS, type Steps, StepTable } from './step-table.ts'
import { WholeNumbers } from './whole-numbers.ts'

export interface ObjectHistory {
  readonly key: string
  readonly object: LinearObject
  /** The indexes of the events in the table are their places in the history. */
  readonly steps: () => Steps
}

export interface ObjectHistories {
  readonly objects: readonly ObjectHistory[]
  /** How many operations ended in each way. */
  readonly counts: Readonly<Record<Operation['outcome'], number>>
  /** Whether the client of some read did not learn its value. */
  readonly hasUntold: boolean
}

/** The part of the table that is meant for the unused ends of blocks. */
const SPARE_PART = 1 / 16

/** An object while the history is divided. */
interface Part {
  readonly key: string
  readonly object: LinearObject
  /** The row of its next operation. If the row begins a block, the block must be reserved first. */
  nextRow: number
  /** The number of its events so far. */
  events: number
}

/** Throws HistoryError if the events do not pair, or if an object has no such operation. */
export function objectsOf(
  history: readonly HistoryEvent[],
  objectOf: () => LinearObject,
): ObjectHistories {
  const numbers = new Map<string, number>()
  const shared = objectOf()
  const parts: Part[] = []
  const counts = { ok: 0, fail: 0, info: 0 }
  let hasUntold = false
  // Nearly every operation has two events. Moving the table to twice the memory would cost a garbage collection.
  const expected = Math.ceil((history.length / 2) * (1 + SPARE_PART))
  const table = new StepTable(expected)
  /** For each block of rows the number of its object. */
  const owners = new WholeNumbers(Math.ceil(expected / BLOCK_ROWS))
  pairEvents(
    history,
    ({ key = '' }, place) => {
      let number = numbers.get(key)
      if (number === undefined) {
        const object = shared.isShared ? shared : objectOf()
        number = parts.push({ key, object, nextRow: 0, events: 0 }) - 1
        numbers.set(key, number)
      }
      const part = parts[number] as Part
      if (part.nextRow % BLOCK_ROWS === 0) {
        part.nextRow = table.reserveBlock()
        owners.push(number)
      }
      const row = part.nextRow++
      table.begin(row, place, part.events++)
      return row
    },
    (row, invoked, ended, place) => {
      const part = parts[owners.at(Math.floor(row / BLOCK_ROWS))] as Part
      part.object.tabulate(invoked, ended, table, row)
      if (ended !== undefined) table.end(row, place)
      if (ended?.isUntold === true) hasUntold = true
      const outcome = outcomeOf(ended)
      // A field with a constant name is counted faster than one whose name is the outcome.
      if (outcome === 'ok') counts.ok++
      else if (outcome === 'fail') counts.fail++
      else counts.info++
      if (outcome !== 'info') table.return(row, part.events++)
    },
  )
  const blocksOf = divided(owners.items, parts.length)
  return {
    objects: parts.map(({ key, object, nextRow, events }, number) => ({
      key,
      object,
      steps: () => ({ table, events: eventsOf(table, blocksOf(number), nextRow, events) }),
    })),
    counts,
    hasUntold,
  }
}

/** Sorts the blocks by their owners. Those of one owner stay in order. */
function divided(owners: Int32Array, ownerCount: number): (owner: number) => Int32Array {
  const ends = new Int32Array(ownerCount)
  const count = (owner: number): number => {
    const before = ends[owner] as number
    ends[owner] = before + 1
    return before
  }
  for (const owner of owners) count(owner)
  let start = 0
  ends.forEach((size, owner) => {
    ends[owner] = start
    start += size
  })
  const sorted = new Int32Array(owners.length)
  owners.forEach((owner, block) => (sorted[count(owner)] = block))
  return (owner) => sorted.subarray(owner === 0 ? 0 : ends[owner - 1], ends[owner])
}

/** The events of the rows in these blocks before the row `end`. */
function eventsOf(
  table: StepTable,
  blocks: Int32Array,
  end: number,
  eventCount: number,
): Int32Array {
  const events = new Int32Array(eventCount)
  for (const block of blocks) {
    const first = block * BLOCK_ROWS
    for (let row = first; row < first + BLOCK_ROWS && row !== end; row++) {
      events[table.invokedAt(row)] = row
      if (!table.isCrashed(row)) events[table.returnedAt(row)] = ~row
    }
  }
  return events
}

/** The operations of one object, in the order of their invocation. */
export function operationsOfObject(
  history: readonly HistoryEvent[],
  { table, events }: Steps,
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
