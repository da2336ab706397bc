/**
 * A register for the search: reads, writes, and compare-and-set. A `cas` has the value `[expected, new]`. If it failed
 * with the error `mismatch`, the register held another value at some moment. Any other failure shows only that the cas
 * did not happen.
 */
import { HistoryError, type Json, MISMATCH } from '../history/history.ts'
import { expectEcho, type Operation } from '../history/operation.ts'
import { Interning } from './interning.ts'
import type { LinearObject } from './object.ts'
import { ANY, SAME, type Step } from './search-problem.ts'

export function registerObject(allowsCas: boolean): LinearObject {
  const values = new Interning()
  return {
    isShared: true,
    stepOf: (operation, source) => stepOf(operation, source, values, allowsCas),
    stateOf: (value) => values.idOf(value),
    follows: (state) => state,
  }
}

function stepOf(
  operation: Operation,
  source: number,
  values: Interning,
  allowsCas: boolean,
): Step | undefined {
  const { f, outcome, input, output, error, isUntold, firstIndex, lastIndex } = operation
  const isCrashed = outcome === 'info'
  const step = { source, isCrashed, firstIndex, lastIndex, avoids: ANY, argument: 0 }
  if (outcome === 'ok' && f !== 'read') expectEcho(operation)
  switch (f) {
    case 'read':
      if (outcome !== 'ok' || isUntold) return undefined
      return { ...step, needs: values.idOf(output), gives: SAME }
    case 'write':
      if (outcome === 'fail') return undefined
      return { ...step, needs: ANY, gives: values.idOf(input) }
    case 'delete':
      if (outcome === 'fail') return undefined
      return { ...step, needs: ANY, gives: values.idOf(null) }
    case 'cas': {
      if (!allowsCas) break
      const [expected, next] = pairOf(input, firstIndex)
      if (outcome !== 'fail') {
        return { ...step, needs: values.idOf(expected), gives: values.idOf(next) }
      }
      if (error !== MISMATCH) return undefined
      return { ...step, needs: ANY, avoids: values.idOf(expected), gives: SAME }
    }
    default:
  }
  throw new HistoryError(
    0,
    `event ${firstIndex}: this model does not know the operation "${f}", only read, write${allowsCas ? ', cas' : ''} and delete`,
  )
}

function pairOf(value: Json, index: number): [Json, Json] {
  if (Array.isArray(value) && value.length === 2) return [value[0] as Json, value[1] as Json]
  throw new HistoryError(0, `event ${index}: the value of a cas must be [expected, new]`)
}
