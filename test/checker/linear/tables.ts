/** Makes tables of steps from operations. */
import type { Operation } from '../../../src/checker/history/operation.ts'
import type { LinearObject } from '../../../src/checker/linear/object.ts'
import { type Steps, tableOf } from '../../../src/checker/linear/step-table.ts'

/** A row for each operation, in the same order. */
export function tableFrom(operations: readonly Operation[], object: LinearObject): Steps {
  const without = new Set<number>()
  const steps = operations.map((operation, source) => {
    const step = object.stepOf(operation, source)
    if (step !== undefined) return step
    without.add(source)
    const { firstIndex, lastIndex } = operation
    const any = { needs: -1, avoids: -1, gives: -1, argument: 0 }
    return { source, isCrashed: true, firstIndex, lastIndex, ...any }
  })
  const table = tableOf(steps)
  for (const row of without) table.table.drop(row)
  return table
}
