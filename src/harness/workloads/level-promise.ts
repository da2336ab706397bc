/**
 * Which levels and buckets promise what a workload checks. A run on another level or bucket is a control: a breach
 * there shows that the check can find one, and is not a fault of the store.
 */
import type { Verdict } from '../../checker/verdict/verdict.ts'

/** Names the level or mode that does not keep the promise, such as "eventual"; undefined if the promise holds. */
export type NotPromisedBy = (mode: string, level: string) => string | undefined

/**
 * Breaches at every level: values that no client wrote, counts without an explanation, rejected writes that applied.
 */
const NEVER_EXPECTED: ReadonlySet<string> = new Set([
  'invented',
  'impossible',
  'unexpected',
  'rejected',
  'rejected but applied',
])

/** No acknowledged write is lost, and no deleted value comes back, at every level that waits for a disk. */
export function keptByModes(modes: readonly string[]): NotPromisedBy {
  return (mode, level) => {
    if (!modes.includes(mode)) return `a bucket of mode ${mode}`
    return level === 'weak' ? level : undefined
  }
}

/** Causal order across keys: a client that sees an effect also sees its cause. */
export const causalOrder: NotPromisedBy = (_, level) =>
  level === 'causal' || level === 'strong' ? undefined : level

/** Linearizability: each key behaves like one copy that executes one operation at a time. */
export const linearizability: NotPromisedBy = (mode, level) => {
  if (mode !== 'strong') return `a bucket of mode ${mode}`
  return level === 'strong' ? undefined : level
}

/** Rewords a verdict for a control: `notPromisedBy` does not promise what was checked, so breaches are expected. */
export function verdictOnControl(verdict: Verdict, notPromisedBy: string): Verdict {
  if (!isExpected(verdict)) return verdict
  const found = verdict.sentence.replace(/^invalid: /, '')
  return {
    ...verdict,
    sentence: `invalid, as expected: ${notPromisedBy} does not promise this (${found})`,
  }
}

/** Whether all breaches are of kinds that a control may show. */
export function isExpected({ result, kinds = [] }: Verdict): boolean {
  return result === 'invalid' && !kinds.some((kind) => NEVER_EXPECTED.has(kind))
}
