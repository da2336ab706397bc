/** Compares the ladder of a small history with the definitions of its levels. */
import type { HistoryEvent } from '../../../src/checker/history/history.ts'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import type { Ladder } from '../../../src/checker/levels/ladder.ts'
import {
  type Judgement,
  type Level,
  LEVELS,
  SESSION_GUARANTEES,
} from '../../../src/checker/levels/level.ts'
import { levelsByDefinition } from './levels-by-definition.ts'

/** The levels that each level implies. */
const IMPLIED: readonly (readonly [Level, readonly Level[]])[] = [
  ['linearizable', ['sequential', 'no lost writes']],
  ['sequential', ['causal']],
  ['causal', SESSION_GUARANTEES],
]

/** A sentence for each difference; empty if the ladder is right. */
export function differencesOf(
  history: readonly HistoryEvent[],
  truth: Readonly<Record<Level, boolean>>,
  ladder: Ladder,
): readonly string[] {
  const judged = judgementsOf(ladder)
  const differences: string[] = []
  const expect = (isRight: boolean, words: string): void => {
    if (!isRight) differences.push(words)
  }
  for (const level of LEVELS) {
    const judgement = judged[level]
    const expected = truth[level] ? 'holds' : 'broken'
    const isDecided = judgement.type !== 'unknown'
    expect(!isDecided || judgement.type === expected, `${level} ${expected}`)
    expect(isDecided || mayBeUnknown(level, history), `${level} can be decided`)
    if (judgement.type !== 'broken') continue
    const { operations } = judgement.proof
    const indexes = new Set(operations.map(({ firstIndex }) => firstIndex))
    expect(indexes.size === operations.length, `${level}: the proof has each operation once`)
    expect(isProof(level, operations, history), `${level}: the proof alone breaks it`)
  }
  for (const [level, below] of IMPLIED) {
    for (const other of below) {
      expect(!truth[level] || truth[other], `the definition of ${level} implies ${other}`)
      const isImplied = judged[level].type !== 'holds' || judged[other].type === 'holds'
      expect(isImplied, `${level} implies ${other}`)
      const isAbove = judged[other].type !== 'broken' || judged[level].type === 'broken'
      expect(isAbove, `without ${other} there is no ${level}`)
    }
  }
  return differences
}

export function judgementsOf({ rungs }: Ladder): Record<Level, Judgement> {
  const byLevel = rungs.map(({ level, judgement }) => [level, judgement])
  return Object.fromEntries(byLevel) as Record<Level, Judgement>
}

function isProof(
  level: Level,
  operations: readonly { readonly firstIndex: number; readonly lastIndex: number }[],
  history: readonly HistoryEvent[],
): boolean {
  const ends = operations.flatMap(({ firstIndex, lastIndex }) => [firstIndex, lastIndex])
  const indexes = new Set(ends)
  return !levelsByDefinition(history.filter(({ index }) => indexes.has(index)))[level]
}

/** Two levels are always decided in so small a world; the others if each answer has one origin. */
function mayBeUnknown(level: Level, history: readonly HistoryEvent[]): boolean {
  if (level === 'linearizable' || level === 'sequential') return false
  return level === 'no lost writes' || hasDoubts(history)
}

/** Whether some answer may come from several places: of a value written twice, of a delete, or of a failed cas. */
function hasDoubts(history: readonly HistoryEvent[]): boolean {
  const operations = operationsOf(history)
  const names = operations.flatMap(({ f, key, input }) => {
    if (f === 'delete') return [`${key} null`]
    if (f === 'read') return []
    return [`${key} ${JSON.stringify(f === 'cas' ? (input as unknown[])[1] : input)}`]
  })
  const hasFailedCas = operations.some(({ f, outcome }) => f === 'cas' && outcome === 'fail')
  const isTwice = new Set(names).size < names.length
  return hasFailedCas || isTwice || names.some((name) => name.endsWith(' null'))
}
