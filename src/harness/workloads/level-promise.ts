/**
 * Which levels and buckets promise what a workload asks for. A run on another one is a control: that it finds a breach
 * shows that the check can, and is no fault of the store.
 */
import type { Verdict } from '../../checker/verdict/verdict.ts'

/** Says what does not promise it, such as "eventual"; undefined where it is promised. */
export type NotPromisedBy = (mode: string, level: string) => string | undefined

/** Values that nobody wrote, counts that nothing explains, and rejected writes that happened, are breaches at every level. */
const NEVER_EXPECTED: ReadonlySet<string> = new Set([
  'invented',
  'impossible',
  'unexpected',
  'rejected',
  'rejected but there',
])

/** Nothing that was acknowledged is lost, and nothing comes back: at every level that waits for a disk. */
export function keptByModes(modes: readonly string[]): NotPromisedBy {
  return (mode, level) => {
    if (!modes.includes(mode)) return `a bucket of mode ${mode}`
    return level === 'weak' ? level : undefined
  }
}

/** Cause before effect, across keys. */
export const causalOrder: NotPromisedBy = (_, level) =>
  level === 'causal' || level === 'strong' ? undefined : level

/** One copy, and one operation at a time. */
export const linearizability: NotPromisedBy = (mode, level) => {
  if (mode !== 'strong') return `a bucket of mode ${mode}`
  return level === 'strong' ? undefined : level
}

/** The verdict as a person should read it where `notPromisedBy` does not promise what was asked for. */
export function verdictOnControl(verdict: Verdict, notPromisedBy: string): Verdict {
  if (!isExpected(verdict)) return verdict
  const found = verdict.sentence.replace(/^invalid: /, '')
  return {
    ...verdict,
    sentence: `invalid, as expected: ${notPromisedBy} does not promise this (${found})`,
  }
}

/** Whether all that was found is what such a level, or bucket, may do. */
export function isExpected({ result, kinds = [] }: Verdict): boolean {
  return result === 'invalid' && !kinds.some((kind) => NEVER_EXPECTED.has(kind))
}
