/** A history as both causal models judge it: its steps, their causal order, and the faults that need no order. */
import type { HistoryEvent } from '../history/history.ts'
import { type Operation, operationsOf } from '../history/operation.ts'
import type { CheckBounds, Evidence } from '../verdict/verdict.ts'
import { causalOrderOf } from './causal-order.ts'
import { causalPathsOf } from './causal-path.ts'
import { endingsOf, type KeyEnding, unreadEndings } from './final-state.ts'
import type { Finding } from './finding.ts'
import { keyWritesOf } from './key-writes.ts'
import type { Judging } from './overwritten-reads.ts'
import { unordered, withoutReads } from './reckoning.ts'
import { type Step, stepsOf } from './step.ts'
import { strangeValues } from './strange-values.ts'

const MEMORY_BYTES = 1_000_000_000

export interface CausalHistory {
  readonly operations: readonly Operation[]
  readonly steps: readonly Step[]
  readonly endings: readonly KeyEnding[]
  /** Values that nobody can have read, and cycles of cause and effect. */
  readonly strange: readonly Finding[]
  /** Parts of the history that no verdict covers. */
  readonly unjudged: readonly Evidence[]
  /** Undefined if the causal order takes more memory than the bounds allow. */
  readonly judging: Judging | undefined
}

export function causalHistoryOf(
  history: readonly HistoryEvent[],
  bounds: CheckBounds,
): CausalHistory {
  const operations = operationsOf(history)
  const steps = stepsOf(operations)
  const written = keyWritesOf(steps)
  const paths = causalPathsOf(steps)
  const endings = endingsOf(operations, written)
  const strange = strangeValues(steps, paths)
  const order = causalOrderOf(steps, bounds.memoryBytes ?? MEMORY_BYTES)
  const judging = order && { order, written, paths }
  const unjudged = [...withoutReads(steps), ...unreadEndings(endings)]
  if (judging === undefined) unjudged.push(unordered())
  return { operations, steps, endings, strange, unjudged, judging }
}
