/** Words for the number of broken promises of each kind: "2 stale reads, 1 key not linearizable". */

/** The singular and the plural for each kind. */
const WORDS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  lost: ['acknowledged write lost', 'acknowledged writes lost'],
  unexpected: ['value that nobody wrote', 'values that nobody wrote'],
  invented: ['value that nobody wrote', 'values that nobody wrote'],
  rejected: ['rejected write that took effect', 'rejected writes that took effect'],
  'rejected but applied': ['rejected write that took effect', 'rejected writes that took effect'],
  resurrected: ['deleted value that came back', 'deleted values that came back'],
  diverged: ['key on which the nodes disagree', 'keys on which the nodes disagree'],
  'not converged': ['key on which the nodes disagree', 'keys on which the nodes disagree'],
  miscounted: ['wrong counter', 'wrong counters'],
  impossible: ['impossible counter read', 'impossible counter reads'],
  'not linearizable': ['key not linearizable', 'keys not linearizable'],
  cycle: ['cycle of cause and effect', 'cycles of cause and effect'],
  'missing cause': ['read that missed its cause', 'reads that missed their causes'],
  'stale read': ['stale read', 'stale reads'],
  'divergent order': ['contradictory order of writes', 'contradictory orders of writes'],
  ...Object.fromEntries(
    ['read your writes', 'monotonic reads', 'monotonic writes', 'writes follow reads'].map(
      (guarantee) => [guarantee, [`breach of ${guarantee}`, `breaches of ${guarantee}`]],
    ),
  ),
}

export function breachWords(findings: readonly { readonly kind: string }[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts]
    .map(([kind, count]) => `${count} ${WORDS[kind]?.[count === 1 ? 0 : 1] ?? kind}`)
    .join(', ')
}
