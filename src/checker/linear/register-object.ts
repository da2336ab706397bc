/**
 * A register for the search: reads, writes, and compare-and-set. A `cas` has the value `[expected, new]`. If it failed
 * with the error `mismatch`, the register held another value at some moment. Any other failure shows only that the cas
 * did not happen.
 */
import { HistoryError, type HistoryEvent, type Json, MISMATCH } from '../history/history.ts'
import { expectEcho, outcomeOf, outputOf } from '../history/operation.ts'
import { Interning } from './interning.ts'
import type { LinearObject } from './object.ts'
import { ANY, SAME } from './search-problem.ts'
import type { StepTable } from './step-table.ts'

export function registerObject(allowsCas: boolean): LinearObject {
  const values = new Interning()
  return {
    isShared: true,
    tabulate: (invoked, ended, table, row) =>
      tabulate(invoked, ended, table, row, values, allowsCas),
    stateOf: (value) => values.idOf(value),
    follows: (state) => state,
  }
}

function tabulate(
  invoked: HistoryEvent,
  ended: HistoryEvent | undefined,
  table: StepTable,
  row: number,
  values: Interning,
  allowsCas: boolean,
): void {
  const { f, value, index } = invoked
  const outcome = outcomeOf(ended)
  if (ended !== undefined && outcome === 'ok' && f !== 'read') expectEcho(invoked, ended)
  switch (f) {
    case 'read': {
      const isSeen = outcome === 'ok' && ended?.isUntold !== true
      if (isSeen) table.fill(row, values.idOf(outputOf(invoked, ended)), ANY, SAME)
      return
    }
    case 'write':
      if (outcome !== 'fail') table.fill(row, ANY, ANY, values.idOf(value))
      return
    case 'delete':
      if (outcome !== 'fail') table.fill(row, ANY, ANY, values.idOf(null))
      return
    case 'cas': {
      if (!allowsCas) break
      const [expected, next] = pairOf(value, index)
      if (outcome !== 'fail') table.fill(row, values.idOf(expected), ANY, values.idOf(next))
      else if (ended?.error === MISMATCH) table.fill(row, ANY, values.idOf(expected), SAME)
      return
    }
    default:
  }
  throw new HistoryError(
    0,
    `event ${index}: this model does not know the operation "${f}", only read, write${allowsCas ? ', cas' : ''} and delete`,
  )
}

function pairOf(value: Json, index: number): [Json, Json] {
  if (Array.isArray(value) && value.length === 2) return [value[0] as Json, value[1] as Json]
  throw new HistoryError(0, `event ${index}: the value of a cas must be [expected, new]`)
}
