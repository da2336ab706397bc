/**
 * The verdict of a model on a history. `invalid` proves a broken promise. `valid` says that everything was judged and
 * no broken promise was found. `unknown` says that something could not be judged.
 */
import { breachWords } from './breach-words.ts'
import type { HistoryEvent, Json } from '../history/history.ts'

export type Result = 'valid' | 'invalid' | 'unknown'

export interface Verdict {
  readonly model: string
  readonly result: Result
  /** One sentence for people. */
  readonly sentence: string
  /** At most EVIDENCE_MAX pieces of evidence, the earliest first. Empty if valid. */
  readonly evidence: readonly Evidence[]
  readonly stats: Readonly<Record<string, number>>
  /** All kinds of breaches that were found. The evidence shows only the earliest breaches. */
  readonly kinds?: readonly string[]
  /** For each key an order in which its operations may have taken effect, as indexes of their first events. */
  readonly orders?: readonly KeyOrder[]
}

export interface KeyOrder {
  readonly key: string
  readonly order: readonly number[]
}

export interface Evidence {
  /** The kind of the breach: lost, unexpected, …; `unjudged` if something could not be judged. */
  readonly kind: string
  readonly key: string
  /** A sentence that names the client, the operation, the value, the node and the time. */
  readonly words: string
  /** Indexes of the first events of the operations in question. */
  readonly operations?: readonly number[]
}

/** The bounds of a check; beyond them the verdict is *unknown*. Models whose work is linear ignore them. */
export interface CheckBounds {
  readonly timeMs?: number | undefined
  readonly memoryBytes?: number | undefined
  /** The initial value of an object, which the history does not contain. */
  readonly initial?: Json | undefined
}

/** Decides one promise. A pure function of the history. */
export interface Model {
  readonly name: string
  /** The promise, as a phrase. */
  readonly promise: string
  /** Throws HistoryError if this model cannot read the history. */
  readonly check: (history: readonly HistoryEvent[], bounds?: CheckBounds) => Verdict
}

/** More evidence would not help a reader; the counts are in the stats. */
export const EVIDENCE_MAX = 10

/** `findings` are breaches; `unjudged` lists what could not be judged. A breach outweighs what is unknown. */
export function verdictOf(
  model: string,
  of: {
    readonly findings: readonly Evidence[]
    readonly unjudged: readonly Evidence[]
    readonly stats: Readonly<Record<string, number>>
    readonly valid: string
  },
): Verdict {
  const { findings, unjudged, stats, valid } = of
  if (findings.length > 0) {
    return {
      model,
      result: 'invalid',
      sentence: `invalid: ${breachWords(findings)}`,
      evidence: findings.slice(0, EVIDENCE_MAX),
      stats,
      kinds: [...new Set(findings.map(({ kind }) => kind))],
    }
  }
  if (unjudged.length > 0) {
    const first = unjudged[0] as Evidence
    const more = unjudged.length > 1 ? ` (and ${unjudged.length - 1} more)` : ''
    return {
      model,
      result: 'unknown',
      sentence: `unknown: ${first.words}${more}`,
      evidence: unjudged.slice(0, EVIDENCE_MAX),
      stats,
    }
  }
  return {
    model,
    result: 'valid',
    sentence: `valid: ${valid}`,
    evidence: [],
    stats,
  }
}
