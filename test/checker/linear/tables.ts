/** Makes tables of steps from operations. */
import type { HistoryEvent } from '../../../src/checker/history/history.ts'
import type { Operation } from '../../../src/checker/history/operation.ts'
import type { LinearObject } from '../../../src/checker/linear/object.ts'
import { objectsOf } from '../../../src/checker/linear/object-history.ts'
import type { Steps } from '../../../src/checker/linear/step-table.ts'

/** A row for each operation, in the same order. Together the operations must have all events of a history. */
export function tableFrom(operations: readonly Operation[], object: LinearObject): Steps {
  const { objects } = objectsOf(historyOf(operations), () => object)
  const [only] = objects
  if (only === undefined || objects.length > 1) throw new Error('a table has one object')
  return only.steps()
}

function historyOf(operations: readonly Operation[]): HistoryEvent[] {
  const events: HistoryEvent[] = []
  for (const { firstIndex, lastIndex, outcome, input, output, error, ...rest } of operations) {
    const { process, f, isUntold } = rest
    const event = { time: 0, process, f, value: input }
    events[firstIndex] = { ...event, index: firstIndex, type: 'invoke' }
    if (lastIndex === firstIndex) continue
    events[lastIndex] = {
      ...event,
      index: lastIndex,
      type: outcome,
      value: output,
      ...(error === undefined ? {} : { error }),
      ...(isUntold ? { isUntold } : {}),
    }
  }
  return events
}
