/**
 * The causal and the session model against a store that keeps its promises, against their own definitions on
 * small histories, and against a store whose history was tampered with.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causalModel } from '../../../src/checker/models/causal-model.ts'
import { sessionModel } from '../../../src/checker/models/session-model.ts'
import { causalByDefinition, causesOf, sessionByDefinition } from './causal-by-definition.ts'
import { runStore, type StoreOptions, type Turn } from './causal-store.ts'
import { type Deed, historyOfDeeds, kindsIn } from './causal-told.ts'

const RUNS = { numRuns: 400, seed: 20_261_123 }
/** A random small history is seldom interesting; least where it prefers small numbers. */
const MANY_RUNS = { numRuns: 8000, seed: 20_261_123, unbiased: true }

const OUTCOMES = [...Array<'ok'>(10).fill('ok'), 'info', 'info', 'fail'] as const

const number = fc.nat({ max: 1_000_000 })
const turn: fc.Arbitrary<Turn> = fc.record({
  session: number,
  replica: number,
  key: number,
  what: number,
  luck: number,
  lasts: number,
})
const options: fc.Arbitrary<StoreOptions> = fc.record({
  sessions: fc.integer({ min: 1, max: 5 }),
  replicas: fc.integer({ min: 1, max: 4 }),
  keys: fc.integer({ min: 1, max: 3 }),
  keepsSiblings: fc.boolean(),
  hasDeletes: fc.boolean(),
})

describe('causal and session model, of a store that keeps its promises', () => {
  test('every history is valid', () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 20, maxLength: 60 }), options, (turns, store) => {
        const history = historyOfDeeds(runStore(turns, store))
        for (const model of [causalModel, sessionModel]) {
          const verdict = model.check(history)
          expect(verdict.sentence).toMatch(/^valid/)
        }
      }),
      RUNS,
    )
  })

  test('a read of what its past had replaced makes it invalid', () => {
    let tampered = 0
    fc.assert(
      fc.property(
        fc.array(turn, { minLength: 20, maxLength: 60 }),
        options,
        number,
        (turns, store, choice) => {
          const deeds = runStore(turns, store)
          const stale = staleAnswers(deeds)
          if (stale.length === 0) return
          tampered++
          const { read, write } = stale[choice % stale.length]!
          const value = deeds[write]!.value
          const changed = deeds.map((deed, i) => (i === read ? { ...deed, value } : deed))
          const verdict = causalModel.check(historyOfDeeds(changed))
          expect(verdict.result).toBe('invalid')
          expect(verdict.stats['staleRead']).toBeGreaterThan(0)
        },
      ),
      RUNS,
    )
    expect(tampered).toBeGreaterThan(100)
  })
})

/** Reads, and values that had been replaced to what their session had done and seen before. */
function staleAnswers(deeds: readonly Deed[]): { read: number; write: number }[] {
  const before = causesOf(deeds)
  const all = [...deeds.keys()]
  const isWrite = (i: number): boolean => deeds[i]!.f === 'write' && deeds[i]!.end !== 'fail'
  return all.flatMap((read) => {
    const { f, end, session, key, from = 0 } = deeds[read]!
    if (f !== 'read' || end !== 'ok') return []
    const last = all.findLast((i) => {
      const deed = deeds[i]!
      return deed.session === session && deed.end === 'ok' && (deed.from ?? 0) < from
    })
    if (last === undefined) return []
    const known = all.filter((i) => deeds[i]!.key === key && (i === last || before[i]![last]))
    const replaced = known.filter(
      (write) => isWrite(write) && known.some((i) => deeds[i]!.f !== 'read' && before[write]![i]),
    )
    return replaced.map((write) => ({ read, write }))
  })
}

describe('causal and session model, by their definitions', () => {
  for (const [what, deedsOf] of [
    ['one value', smallHistories({ isOneValued: true })],
    ['several values and deletes', smallHistories({ isOneValued: false })],
  ] as const) {
    test(`agree on small histories of ${what}`, () => {
      const seen = new Set<string>()
      fc.assert(
        fc.property(deedsOf, (deeds) => {
          const history = historyOfDeeds(deeds)
          const causal = kindsIn(causalModel.check(history))
          const session = kindsIn(sessionModel.check(history))
          // What the final reads say is judged by examples.
          for (const kinds of [causal, session]) {
            delete kinds['notConverged']
            delete kinds['lost']
            Object.keys(kinds).forEach((kind) => seen.add(kind))
          }
          expect(causal).toEqual(causalByDefinition(deeds))
          expect(session).toEqual(sessionByDefinition(deeds))
        }),
        MANY_RUNS,
      )
      const kinds = ['cycle', 'invented', 'missingCause', 'monotonicReads', 'monotonicWrites']
      kinds.push('readYourWrites', 'rejectedButApplied', 'staleRead', 'writesFollowReads')
      expect([...seen]).toEqual(expect.arrayContaining(kinds))
      if (what === 'one value') expect(seen).toContain('divergentOrder')
    })
  }
})

const QUICK = { picks: [0], end: 'ok', lasts: 1 } as const
/** A session reads what another wrote, and writes elsewhere. */
const CAUSE = [
  { ...QUICK, session: 0, key: 0, what: 5 },
  { ...QUICK, session: 1, key: 0, what: 1 },
  { ...QUICK, session: 1, key: 1, what: 5 },
]

/**
 * Up to seven operations whose reads return anything that the history writes. Sessions work at the same time,
 * each one thing after another.
 */
function smallHistories({ isOneValued }: { isOneValued: boolean }): fc.Arbitrary<Deed[]> {
  const deed = fc.record({
    session: fc.nat({ max: 2 }),
    key: fc.nat({ max: 1 }),
    what: fc.nat({ max: 9 }),
    picks: fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3), { maxLength: isOneValued ? 1 : 2 }),
    end: fc.constantFrom(...OUTCOMES),
    lasts: fc.constantFrom(1, 1, 1, 3, 5),
  })
  const random = fc.array(deed, { minLength: 5, maxLength: 7 })
  // Cause and effect from session to session are rare unless they are there to begin with.
  const caused = random.map((drafts) => [...CAUSE, ...drafts.slice(CAUSE.length)])
  return fc.oneof(random, caused).map((drafts) => {
    const busyTo = new Map<number, number>()
    const isRead = (what: number): boolean => what < 5
    return drafts.map(({ session, key, what, picks, end, lasts }, i): Deed => {
      const start = Math.max(2 * i, busyTo.get(session) ?? 0)
      busyTo.set(session, start + lasts + 1)
      // No two sessions do something at the same moment.
      const times = { from: start + session / 10, to: start + lasts + session / 10 }
      const common = { session, key: `k${key}`, end, node: 'n1', ...times } as const
      if (!isRead(what)) {
        return { ...common, f: !isOneValued && what === 9 ? 'delete' : 'write', value: i }
      }
      const isWritten = (j: number): boolean => !isRead(drafts[j]!.what) && drafts[j]!.key === key
      const writes = [...drafts.keys()].filter(isWritten)
      const begun = writes.filter((j) => j < i)
      // Mostly the newest of what was written before; else what is written later, or nowhere.
      const among = what > 0 && begun.length > 0 ? begun : writes
      const values = [...new Set(picks.map((pick) => among.at(-1 - (pick % among.length)) ?? pick))]
      return { ...common, f: 'read', value: values.length > 1 ? values : (values[0] ?? null) }
    })
  })
}
