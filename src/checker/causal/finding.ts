/** Breaches of a causal promise. Every read may have one, so only the reported ones get words. */
import type { Operation } from '../history/operation.ts'
import type { Evidence } from '../verdict/verdict.ts'

export interface Finding {
  readonly kind: string
  readonly key: string
  /** The operation that shows the breach. */
  readonly culprit: Operation
  readonly tell: () => Told
}

export interface Told {
  readonly words: string
  readonly operations: readonly Operation[]
}

/** How many findings are described in full. A verdict shows no more. */
const TOLD_MAX = 10

/**
 * Describes the earliest finding of each kind, then the earliest others, in order of time. The rest follow in short.
 */
export function evidenceOf(findings: readonly Finding[]): Evidence[] {
  const byTime = findings.toSorted((a, b) => a.culprit.firstIndex - b.culprit.firstIndex)
  const kinds = new Set<string>()
  const told = new Set<Finding>()
  for (const finding of byTime) {
    if (kinds.has(finding.kind)) continue
    kinds.add(finding.kind)
    told.add(finding)
  }
  for (const finding of byTime) if (told.size < TOLD_MAX) told.add(finding)
  return [
    ...byTime.filter((finding) => told.has(finding)).map((finding) => inFull(finding)),
    ...byTime.filter((finding) => !told.has(finding)).map((finding) => inShort(finding)),
  ]
}

/** Counts the findings of each kind. The known kinds come first; the name of 'stale read' is `staleRead`. */
export function countsOf(
  kinds: readonly string[],
  findings: readonly Finding[],
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[statName(kind)] = 0
  for (const { kind } of findings) counts[statName(kind)] = (counts[statName(kind)] ?? 0) + 1
  return counts
}

function statName(kind: string): string {
  // The name `rejected` already counts the rejected operations.
  if (kind === 'rejected') return 'rejectedButApplied'
  return kind.replaceAll(/ ([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function inFull({ kind, key, tell }: Finding): Evidence {
  const { words, operations } = tell()
  const indexes = new Set(operations.map(({ firstIndex }) => firstIndex))
  return { kind, key, words, operations: [...indexes].sort((a, b) => a - b) }
}

function inShort({ kind, key, culprit }: Finding): Evidence {
  const { firstIndex } = culprit
  return { kind, key, words: `${kind}, shown by event ${firstIndex}`, operations: [firstIndex] }
}
