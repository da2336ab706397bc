/** Statistics of a history for the causal models, and reasons why a history cannot be judged. */
import type { Operation } from '../history/operation.ts'
import type { Evidence } from '../verdict/verdict.ts'
import type { Step } from './step.ts'

export interface HistoryStats extends Readonly<Record<string, number>> {
  readonly operations: number
  readonly keys: number
  readonly sessions: number
  readonly ok: number
  readonly rejected: number
  readonly unknown: number
}

export function statsOf(operations: readonly Operation[]): HistoryStats {
  const of = (wanted: string): number =>
    operations.filter(({ outcome }) => outcome === wanted).length
  return {
    operations: operations.length,
    keys: new Set(operations.map(({ key }) => key)).size,
    sessions: new Set(operations.map(({ session }) => session)).size,
    ok: of('ok'),
    rejected: of('fail'),
    unknown: of('info'),
  }
}

/** A history without reads cannot be judged, because only reads show what was promised. */
export function withoutReads(steps: readonly Step[]): Evidence[] {
  if (steps.some(({ type }) => type === 'read')) return []
  return [
    {
      kind: 'unjudged',
      key: '',
      words: 'no read was answered, so no promise could be checked',
    },
  ]
}

export function unordered(): Evidence {
  return {
    kind: 'unjudged',
    key: '',
    words: 'the causal order of this history needs more memory than the limit allows',
  }
}
