/**
 * The model `session`: the four session guarantees of Terry et al. 1994. Clients write values, each unique to its key,
 * and read one value, no value, or a list of siblings. A read breaks a guarantee if everything that it returned is
 * older, in the causal order, than the write that the guarantee says it must have seen:
 *
 * - `read your writes`: an acknowledged write of the same session.
 * - `monotonic reads`: a value that the session read before.
 * - `monotonic writes`: a write that its session made before another write, which the reader has read.
 * - `writes follow reads`: a value that a session read before it wrote another, which the reader has read.
 *
 * The causal model checks longer chains of cause and effect.
 */
import { causalOrderOf } from '../causal/causal-order.ts'
import { causalPathsOf } from '../causal/causal-path.ts'
import { divergence, endingsOf, unreadEndings } from '../causal/final-state.ts'
import { countsOf, evidenceOf, type Finding } from '../causal/finding.ts'
import { brokenGuarantees } from '../causal/guarantees.ts'
import { keyWritesOf } from '../causal/key-writes.ts'
import { statsOf, unordered, withoutReads } from '../causal/reckoning.ts'
import { stepsOf } from '../causal/step.ts'
import { strangeValues } from '../causal/strange-values.ts'
import type { HistoryEvent } from '../history/history.ts'
import { operationsOf } from '../history/operation.ts'
import { type CheckBounds, type Model, type Verdict, verdictOf } from '../verdict/verdict.ts'

export const sessionModel: Model = {
  name: 'session',
  promise: 'each session reads its own writes and never goes back, all nodes agree',
  check: checkSessions,
}

const KINDS = [
  'invented',
  'rejected',
  'cycle',
  'read your writes',
  'monotonic reads',
  'monotonic writes',
  'writes follow reads',
  'not converged',
]
const MEMORY_BYTES = 1_000_000_000

function checkSessions(history: readonly HistoryEvent[], bounds: CheckBounds = {}): Verdict {
  const operations = operationsOf(history)
  const steps = stepsOf(operations)
  const written = keyWritesOf(steps)
  const paths = causalPathsOf(steps)
  const endings = endingsOf(operations, written)
  const findings: Finding[] = strangeValues(steps, paths)
  const unjudged = [...withoutReads(steps), ...unreadEndings(endings)]
  const order = causalOrderOf(steps, bounds.memoryBytes ?? MEMORY_BYTES)
  if (order === undefined) unjudged.push(unordered())
  else findings.push(...brokenGuarantees({ order, written, paths }))
  for (const ending of endings) findings.push(...divergence(ending))
  const stats = statsOf(operations)
  return verdictOf('session', {
    findings: evidenceOf(findings),
    unjudged,
    stats: { ...stats, ...countsOf(KINDS, findings) },
    valid: `each of ${stats.sessions} sessions, of ${stats.operations} operations, reads its own writes and never goes back; all nodes agree`,
  })
}
