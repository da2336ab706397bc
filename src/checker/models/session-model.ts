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
import { causalHistoryOf } from '../causal/causal-history.ts'
import { divergence } from '../causal/final-state.ts'
import { countsOf, evidenceOf, type Finding } from '../causal/finding.ts'
import { brokenGuarantees } from '../causal/guarantees.ts'
import { statsOf } from '../causal/reckoning.ts'
import type { HistoryEvent } from '../history/history.ts'
import { type CheckBounds, type Model, type Verdict, verdictOf } from '../verdict/verdict.ts'

export const sessionModel: Model = {
  name: 'session',
  promise:
    'each client has the four session guarantees (read your writes, monotonic reads, monotonic writes, writes follow reads), and all nodes agree at the end',
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

function checkSessions(history: readonly HistoryEvent[], bounds: CheckBounds = {}): Verdict {
  const { operations, endings, strange, unjudged, judging } = causalHistoryOf(history, bounds)
  const findings: Finding[] = [...strange]
  if (judging !== undefined) findings.push(...brokenGuarantees(judging))
  for (const ending of endings) findings.push(...divergence(ending))
  const stats = statsOf(operations)
  return verdictOf('session', {
    findings: evidenceOf(findings),
    unjudged,
    stats: { ...stats, ...countsOf(KINDS, findings) },
    valid: `all four session guarantees held for ${stats.sessions} clients and ${stats.operations} operations, and all nodes agree at the end`,
  })
}
