/** The ladder against the definitions of its levels, on small random histories. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HistoryEvent } from '../../../src/checker/history/history.ts'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import { ladderOf } from '../../../src/checker/levels/ladder.ts'
import {
  type Judgement,
  type Level,
  LEVELS,
  SESSION_GUARANTEES,
} from '../../../src/checker/levels/level.ts'
import { runStore } from '../models/causal-store.ts'
import { historyOfDeeds } from '../models/causal-told.ts'
import { levelsByDefinition } from './levels-by-definition.ts'
import { smallHistories } from './small-histories.ts'

/** The levels that each level implies. */
const IMPLIED: readonly (readonly [Level, readonly Level[]])[] = [
  ['linearizable', ['sequential', 'no lost writes']],
  ['sequential', ['causal']],
  ['causal', SESSION_GUARANTEES],
]

const LIMITS = { nowMs: () => 0 }

test('each level is judged as its definition says, and its proof alone breaks it', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(smallHistories, (history) => {
      const truth = levelsByDefinition(history)
      const judged = judgementsOf(history)
      for (const level of LEVELS) {
        const { type } = judged[level]
        seen.set(`${level} ${type}`, (seen.get(`${level} ${type}`) ?? 0) + 1)
        const expected = truth[level] ? 'holds' : 'broken'
        if (type !== 'unknown') expect(`${level} ${type}`).toBe(`${level} ${expected}`)
        expectProof(history, level, judged[level])
      }
      for (const [level, below] of IMPLIED) {
        for (const other of below) {
          expect(truth[level] && !truth[other]).toBe(false)
          if (judged[level].type === 'holds') expect(judged[other].type).toBe('holds')
        }
      }
      // These two are always decided in so small a world; the others only if each answer has one origin.
      expect(judged.linearizable.type).not.toBe('unknown')
      expect(judged.sequential.type).not.toBe('unknown')
      if (!hasDoubts(history)) {
        expect([
          judged.causal,
          ...SESSION_GUARANTEES.map((level) => judged[level]),
        ]).not.toContainEqual(expect.objectContaining({ type: 'unknown' }))
      }
    }),
    { numRuns: 2500, seed: 20_261_130 },
  )
  // Every level holds in many of the histories and is broken in many others, or this shows nothing.
  for (const level of LEVELS) {
    for (const type of ['holds', 'broken']) {
      expect(`${level} ${type} ${(seen.get(`${level} ${type}`) ?? 0) > 20}`).toBe(
        `${level} ${type} true`,
      )
    }
  }
})

test('a store that keeps its causal promises breaks neither causal nor a session guarantee', () => {
  const number = fc.nat({ max: 1_000_000 })
  const turn = fc.record({
    session: number,
    replica: number,
    key: number,
    what: number,
    luck: number,
    lasts: number,
  })
  const store = fc.record({
    sessions: fc.integer({ min: 1, max: 5 }),
    replicas: fc.integer({ min: 1, max: 4 }),
    keys: fc.integer({ min: 1, max: 3 }),
    keepsSiblings: fc.boolean(),
    hasDeletes: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(turn, { minLength: 20, maxLength: 60 }), store, (turns, options) => {
      const judged = judgementsOf(historyOfDeeds(runStore(turns, options)))
      for (const level of ['causal', ...SESSION_GUARANTEES] as const) {
        const { type } = judged[level]
        expect(type).not.toBe('broken')
        if (!options.hasDeletes) expect(type).toBe('holds')
      }
    }),
    { numRuns: 300, seed: 5 },
  )
})

test('equal histories get equal ladders', () => {
  fc.assert(
    fc.property(smallHistories, (history) => {
      expect(ladderOf(history, undefined, LIMITS)).toEqual(
        ladderOf([...history], undefined, LIMITS),
      )
    }),
    { numRuns: 100, seed: 1 },
  )
})

function judgementsOf(history: readonly HistoryEvent[]): Record<Level, Judgement> {
  const { rungs } = ladderOf(history, undefined, LIMITS)
  expect(rungs.map(({ level }) => level)).toEqual(LEVELS)
  return Object.fromEntries(rungs.map(({ level, judgement }) => [level, judgement])) as Record<
    Level,
    Judgement
  >
}

function expectProof(history: readonly HistoryEvent[], level: Level, judgement: Judgement): void {
  if (judgement.type !== 'broken') return
  const { operations } = judgement.proof
  expect(operations.length).toBeGreaterThan(0)
  expect(new Set(operations.map(({ firstIndex }) => firstIndex)).size).toBe(operations.length)
  // A proof against linearizability may begin with any value, so it need not stand alone.
  if (level === 'linearizable') return
  const indexes = new Set(
    operations.flatMap(({ firstIndex, lastIndex }) => [firstIndex, lastIndex]),
  )
  const part = history.filter(({ index }) => indexes.has(index))
  expect(levelsByDefinition(part)[level]).toBe(false)
}

/** Whether some answer may come from several places: a value that was written twice, or no value if there are deletes. */
function hasDoubts(history: readonly HistoryEvent[]): boolean {
  const names = operationsOf(history).flatMap(({ f, key, input }) => {
    if (f === 'delete') return [`${key} null`]
    if (f === 'read') return []
    return [`${key} ${JSON.stringify(f === 'cas' ? (input as unknown[])[1] : input)}`]
  })
  return names.some((name) => name.endsWith(' null')) || new Set(names).size < names.length
}
