/** The ladder against the definitions of its levels, on small random histories. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ladderOf } from '../../../src/checker/levels/ladder.ts'
import { LEVELS, SESSION_GUARANTEES } from '../../../src/checker/levels/level.ts'
import { runStore } from '../models/causal-store.ts'
import { historyOfDeeds } from '../models/causal-told.ts'
import { differencesOf, judgementsOf } from './ladder-against-definitions.ts'
import { HARD_HISTORIES } from './hard-histories.ts'
import { levelsByDefinition } from './levels-by-definition.ts'
import { smallHistories } from './small-histories.ts'

const LIMITS = { nowMs: () => 0 }

test('each level is judged as its definition says, and its proof alone breaks it', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(smallHistories, (history) => {
      const ladder = ladderOf(history, undefined, LIMITS)
      expect(differencesOf(history, levelsByDefinition(history), ladder)).toEqual([])
      const judged = judgementsOf(ladder)
      for (const level of LEVELS) {
        const name = `${level} ${judged[level].type}`
        seen.set(name, (seen.get(name) ?? 0) + 1)
      }
    }),
    { numRuns: 2500, seed: 20_261_130, examples: HARD_HISTORIES.map((history) => [history]) },
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
      const judged = judgementsOf(
        ladderOf(historyOfDeeds(runStore(turns, options)), undefined, LIMITS),
      )
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
