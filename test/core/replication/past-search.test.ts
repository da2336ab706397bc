/** Searches of arbitrary pasts: owners and fallbacks answer anything, in any order, and the timers ring at any moment. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { missingFrom } from '../../../src/core/causality/session.ts'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'
import type { CopyRules } from '../../../src/core/replication/copy-rules.ts'
import {
  type OwnersWanted,
  PastSearch,
  type SearchEffect,
} from '../../../src/core/replication/past-search.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

interface Copy {
  readonly object: StoredObject
}

const OWNERS = ['o1', 'o2', 'o3']
const FALLBACKS = ['f1', 'f2']
const RULES: CopyRules<Copy, string> = {
  versionOf: ({ object }) => JSON.stringify([[...object.vector], object.siblings.length]),
  isSame: (a, b) => a === b,
  merge: (a, b) => ({ object: merge('siblings', a.object, b.object) }),
  isAbsent: ({ object }) => object.vector.size === 0,
}
/** Three writes of different actors. The session has seen the first two. */
const WRITES = ['a', 'b', 'c'].map((actor, i) => ({
  object: write(
    'siblings',
    ABSENT,
    { actor, timestamp: 10 + i },
    { value: new Uint8Array(0), contentType: actor, tombstone: false, expiresAtMs: 0 },
    undefined,
  ),
}))
const NOTHING: Copy = { object: ABSENT }
const PAST = vectorOf([
  ['a', 10],
  ['b', 11],
])

const copy = fc.subarray(WRITES).map((writes) => writes.reduce(RULES.merge, NOTHING))
/** The answer of a node, or undefined if it does not answer. */
const answer = fc.option(
  fc.record({ copy, horizon: fc.constantFrom(0, 10, 11), isWhole: fc.boolean() }),
  { nil: undefined, freq: 4 },
)
const wanted: fc.Arbitrary<OwnersWanted> = fc
  .record({
    kind: fc.constantFrom('any' as const, 'whole' as const),
    least: fc.nat(3),
    more: fc.nat(3),
  })
  .map(({ kind, least, more }) => ({ kind, least, best: Math.min(3, least + more) }))

describe('a search for what a session has seen', () => {
  it('ends once, and is covered only by copies that cover it and by enough owners', () => {
    const met = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 5, maxLength: 5 }),
        fc.shuffledSubarray([...OWNERS, ...FALLBACKS, 'hedge'], { minLength: 6, maxLength: 6 }),
        wanted,
        (answers, order, want) => {
          const plan = {
            groups: [OWNERS],
            fallbacks: FALLBACKS,
            mode: 'siblings',
            past: PAST,
          } as const
          const search = new PastSearch<Copy, string>({ ...plan, wanted: want }, RULES)
          const ends: SearchEffect[] = []
          const asked: string[] = []
          const took = (effects: readonly SearchEffect[]): void => {
            for (const effect of effects) {
              if (effect.type === 'fetch') asked.push(effect.owner)
              else if (effect.type === 'ask-hints') asked.push(effect.node)
              else ends.push(effect)
            }
          }
          let missing = PAST
          let counted = 0
          const told = (node: string): void => {
            const reply = answers[[...OWNERS, ...FALLBACKS].indexOf(node)]
            if (reply === undefined) {
              took(search.failed())
              return
            }
            const isOwner = OWNERS.includes(node)
            if (ends.length === 0) {
              const horizon = isOwner ? reply.horizon : 0
              missing = missingFrom('siblings', reply.copy.object, horizon, missing)
              if (isOwner && (reply.isWhole || want.kind === 'any')) counted++
            }
            took(isOwner ? search.found(node, reply) : search.hinted(node, reply.copy))
          }
          took(search.start())
          // A node that is asked later answers later.
          const waiting = [...order]
          for (let rounds = 0; rounds < 3; rounds++) {
            for (const event of waiting.splice(0)) {
              if (event === 'hedge') took(search.hedge())
              else if (asked.includes(event)) told(event)
              else waiting.push(event)
            }
          }
          took(search.expire())
          expect(ends).toHaveLength(1)
          const [end] = ends
          met.add(end?.type ?? '')
          if (end?.type === 'covered') {
            expect(missing.size).toBe(0)
            expect(counted).toBeGreaterThanOrEqual(want.least)
          } else if (end?.type === 'fail') {
            expect(end.isMissing).toBe(missing.size > 0)
            if (waiting.every((event) => event === 'hedge')) {
              expect(missing.size > 0 || counted < want.least || search.answered === 0).toBe(true)
            }
          }
        },
      ),
      { numRuns: 3000 },
    )
    expect([...met].sort()).toEqual(['covered', 'fail'])
  })

  it('lets a late answer show a holder of the merged copy, and change nothing else', () => {
    const wanted = { kind: 'any', least: 2, best: 3 } as const
    const both = (WRITES as [Copy, Copy]).slice(0, 2).reduce(RULES.merge)
    const late = (copy: Copy): PastSearch<Copy, string> => {
      const plan = {
        groups: [OWNERS],
        fallbacks: [],
        mode: 'siblings',
        past: PAST,
        wanted,
      } as const
      const search = new PastSearch<Copy, string>(plan, RULES)
      search.start()
      search.hedge()
      const told = { copy: both, horizon: 0, isWhole: true }
      expect(search.found('o1', told)).toEqual([])
      expect(search.found('o2', told)).toEqual([{ type: 'covered' }])
      expect(search.found('o3', { ...told, copy })).toEqual([])
      return search
    }
    const { copies } = late(RULES.merge(both, WRITES[2] as Copy))
    expect(copies.merged).toBe(both)
    expect([...copies.holders()]).toEqual(['o1', 'o2'])
    expect([...late(both).copies.holders()]).toEqual(OWNERS)
  })
})
