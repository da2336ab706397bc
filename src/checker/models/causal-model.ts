/**
 * The model `causal`: clients write values, each unique to its key, and read one value, no value, or a list of
 * siblings. Promise: causal convergence (Bouajjani, Enea, Guerraoui, Hamza 2017). A read agrees with its causal past:
 * everything that its session, and the sessions from which it has read, saw and did before. All nodes agree in the end.
 * If keys hold one value, all sessions agree on the order of the writes.
 *
 * A session may continue as another process. A write of unknown outcome has happened if somebody read it.
 */
import { causalHistoryOf } from '../causal/causal-history.ts'
import { divergentOrders } from '../causal/conflict-order.ts'
import { divergence, lostWrites } from '../causal/final-state.ts'
import { countsOf, evidenceOf, type Finding } from '../causal/finding.ts'
import { overwrittenRead } from '../causal/overwritten-reads.ts'
import { statsOf } from '../causal/reckoning.ts'
import type { ReadStep } from '../causal/step.ts'
import type { HistoryEvent } from '../history/history.ts'
import { type CheckBounds, type Model, type Verdict, verdictOf } from '../verdict/verdict.ts'

export const causalModel: Model = {
  name: 'causal',
  promise: 'a client that has seen an effect also sees its cause, and all nodes agree at the end',
  check: checkCausal,
}

const KINDS = [
  'invented',
  'rejected',
  'cycle',
  'missing cause',
  'stale read',
  'divergent order',
  'lost',
  'not converged',
]

function checkCausal(history: readonly HistoryEvent[], bounds: CheckBounds = {}): Verdict {
  const known = causalHistoryOf(history, bounds)
  const { operations, steps, endings, unjudged, judging } = known
  const findings: Finding[] = [...known.strange]
  if (judging !== undefined) {
    const sound: ReadStep[] = []
    for (const read of steps) {
      if (read.type !== 'read') continue
      const finding = overwrittenRead(judging, read)
      if (finding === undefined) sound.push(read)
      else findings.push(finding)
    }
    findings.push(...divergentOrders(judging, sound))
    for (const ending of endings) {
      const writes = judging.written.get(ending.key)
      if (writes !== undefined) findings.push(...lostWrites(ending, writes, judging.order))
    }
  }
  for (const ending of endings) findings.push(...divergence(ending))
  const stats = statsOf(operations)
  return verdictOf('causal', {
    findings: evidenceOf(findings),
    unjudged,
    stats: { ...stats, ...countsOf(KINDS, findings) },
    valid: `the ${stats.operations} operations of ${stats.sessions} clients are causally consistent, and all nodes agree at the end`,
  })
}
