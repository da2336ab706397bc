/**
 * What a model says of a history. `invalid` is proof of a broken promise; `valid` says that none was found in
 * what could be judged, all of which was; `unknown` that something could not be judged.
 */
import { breachWords } from './breach-words.ts'
import type { HistoryEvent, Json } from '../history/history.ts'

export type Result = 'valid' | 'invalid' | 'unknown'

export interface Verdict {
  readonly model: string
  readonly result: Result
  /** One sentence for people. */
  readonly sentence: string
  /** The smallest that shows it: at most EVIDENCE_MAX, earliest first. Empty where valid. */
  readonly evidence: readonly Evidence[]
  readonly stats: Readonly<Record<string, number>>
  /** All kinds of breach that were found: the evidence shows the earliest ones only. */
  readonly kinds?: readonly string[]
  /** Orders in which the operations on a key may have taken effect, as indexes of their first events. */
  readonly orders?: readonly KeyOrder[]
}

export interface KeyOrder {
  readonly key: string
  readonly order: readonly number[]
}

export interface Evidence {
  /** What is wrong: lost, unexpected, …; `unjudged` where it could not be told. */
  readonly kind: string
  readonly key: string
  /** Which operation, when, by which node acknowledged, and what the final reads say. */
  readonly words: string
  /** Indexes of the first events of the operations that it is about. */
  readonly operations?: readonly number[]
}

/** What a check may use; beyond it the verdict is *unknown*. Models whose work is linear do not need it. */
export interface CheckBounds {
  readonly timeMs?: number | undefined
  readonly memoryBytes?: number | undefined
  /** What an object holds at the start, where the history does not say. */
  readonly initial?: Json | undefined
}

/** Decides one promise. A pure function of the history. */
export interface Model {
  readonly name: string
  /** The promise, as a phrase. */
  readonly promise: string
  /** Errors: HistoryError where the history is not one that this model can read. */
  readonly check: (history: readonly HistoryEvent[], bounds?: CheckBounds) => Verdict
}

/** More says nothing new to a reader; the counts are in the stats. */
export const EVIDENCE_MAX = 10

/** `findings` are breaches, `unjudged` what could not be told. A breach outweighs what is not known. */
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
