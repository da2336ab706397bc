/** What one update makes of a counter; that concurrent ones add up is among the properties. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  counterValue,
  incrementCounter,
  namesAfterDelete,
} from '../../../src/core/causality/counter.ts'
import { endOfFallback, standInActor } from '../../../src/core/causality/stand-in-actor.ts'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'
import { findNamed, NAME_WINDOW_TICKS, nameOfKey } from '../../../src/core/causality/update-name.ts'

const TOMBSTONE = { value: new Uint8Array(0), contentType: '', tombstone: true, expiresAtMs: 0 }

function increment(
  held: StoredObject,
  actor: string,
  timestamp: number,
  delta: number,
  settled = 0,
  foldsForAll = false,
): StoredObject {
  const folding = { nodeId: actor.slice(0, 2), settled, foldsForAll }
  const next = incrementCounter(held, [{ actor, timestamp }], delta, folding)
  if (next === undefined) throw new Error('the counter is at its limit')
  return next
}

/** Under an idempotency key; takes the timestamp after it, too. */
function named(
  held: StoredObject,
  actor: string,
  timestamp: number,
  key: string,
  settled = 0,
  foldsForAll = true,
): StoredObject {
  const folding = { nodeId: actor.slice(0, 2), settled, foldsForAll }
  const dots = [timestamp, timestamp + 1].map((time) => ({ actor, timestamp: time }))
  const next = incrementCounter(held, dots, 5, folding, nameOfKey(key, undefined))
  if (next === undefined) throw new Error('the counter is at its limit')
  return next
}

const actorsOf = ({ siblings }: StoredObject): string[] => siblings.map(({ actor }) => actor)
const valueOf = ({ siblings }: StoredObject): bigint => counterValue(siblings)

describe('counter', () => {
  it('has one sibling for each actor, and is their sum', () => {
    const first = increment(increment(ABSENT, 'n1~a', 1, 5), 'n1~a', 2, -7)
    const both = increment(first, 'n2~a', 3, 10)
    expect([actorsOf(first), valueOf(first)]).toEqual([['n1~a'], -2n])
    expect([actorsOf(both), valueOf(both)]).toEqual([['n1~a', 'n2~a'], 8n])
  })

  it('keeps the totals of earlier actors of its node while nothing is settled', () => {
    const held = increment(increment(ABSENT, 'n1~a', 1, 5), 'n1~b', 2, 1)
    expect([actorsOf(held), valueOf(held)]).toEqual([['n1~a', 'n1~b'], 6n])
  })

  it('folds settled totals of earlier actors of its node, and of no other', () => {
    const before = ['n1~a', 'n1~b', 'n2~a', 'n1~a~x', 'n10~a'].reduce(
      (held, actor, i) => increment(held, actor, i + 1, 1),
      ABSENT,
    )
    const partly = increment(before, 'n1~c', 9, 1, 1)
    expect(actorsOf(partly)).toEqual(['n1~b', 'n2~a', 'n1~a~x', 'n10~a', 'n1~c'])
    const wholly = increment(before, 'n1~c', 9, 1, 8)
    expect(actorsOf(wholly)).toEqual(['n2~a', 'n1~a~x', 'n10~a', 'n1~c'])
    const alsoOneOffs = increment(before, 'n1~c', 9, 1, 8, true)
    expect(actorsOf(alsoOneOffs)).toEqual(['n2~a', 'n10~a', 'n1~c'])
    for (const folded of [partly, wholly, alsoOneOffs]) {
      expect(valueOf(folded)).toBe(6n)
      expect(merge('siblings', before, folded)).toEqual(folded)
    }
  })

  it('folds the total of a stand-in after its end, when it cannot grow any more', () => {
    const standIn = standInActor('n4~a', 1)
    const end = endOfFallback({ actor: standIn, timestamp: 1 })
    const before = increment(increment(ABSENT, 'n1~a', 1, 1), standIn, 2, 1)
    const early = increment(before, 'n1~a', end + 9, 1, end - 1, true)
    expect([actorsOf(early), valueOf(early)]).toEqual([[standIn, 'n1~a'], 3n])
    expect(actorsOf(increment(before, 'n4~b', end + 9, 1, end, false))).toContain(standIn)
    const folded = increment(before, 'n1~a', end + 9, 1, end, true)
    expect([actorsOf(folded), valueOf(folded)]).toEqual([['n1~a'], 3n])
  })

  it('replaces a tombstone, and begins at nothing after it', () => {
    const held = increment(ABSENT, 'n1~a', 1, 5)
    const deleted = write('siblings', held, { actor: 'n1~a', timestamp: 2 }, TOMBSTONE, undefined)
    const again = increment(deleted, 'n1~a', 3, 2)
    expect([actorsOf(again), valueOf(again)]).toEqual([['n1~a'], 2n])
  })

  it('refuses what would leave the safe integers, and gives an exact sum outside of them', () => {
    const full = increment(ABSENT, 'n1~a', 1, Number.MAX_SAFE_INTEGER)
    expect(() => increment(full, 'n1~a', 2, 1)).toThrow('limit')
    expect(() => increment(full, 'n2~a', 2, 1)).toThrow('limit')
    expect(valueOf(increment(full, 'n2~a', 2, -1))).toBe(BigInt(Number.MAX_SAFE_INTEGER - 1))
    const concurrent = increment(ABSENT, 'n2~a', 1, Number.MAX_SAFE_INTEGER)
    const both = merge('siblings', full, concurrent)
    expect(valueOf(both)).toBe(2n * BigInt(Number.MAX_SAFE_INTEGER))
    expect(valueOf(increment(both, 'n3~a', 3, -5))).toBe(valueOf(both) - 5n)
    expect(() => increment(both, 'n3~a', 3, 5)).toThrow('limit')
  })

  it('takes no value that is not a total', () => {
    const value = new TextEncoder().encode('1e3')
    const bad = { actor: 'n1~a', timestamp: 1, value, contentType: '', tombstone: false }
    expect(() => counterValue([{ ...bad, expiresAtMs: 0 }])).toThrow("is a counter's total")
  })
})

describe('increment under an idempotency key', () => {
  const W = NAME_WINDOW_TICKS

  it('counts once, whoever made it again, in whatever order the copies merge', () => {
    const here = increment(named(ABSENT, 'n1~a', 1, 'k'), 'n1~a', 4, 1)
    const there = named(named(ABSENT, 'n2~a', 2, 'k'), 'n2~a', 6, 'other')
    expect(valueOf(merge('siblings', here, there))).toBe(11n)
    expect(valueOf(merge('siblings', there, here))).toBe(11n)
  })

  it('is folded once its window has settled, together with all that repeat it', () => {
    const here = named(ABSENT, 'n1~a', 1, 'k')
    const both = merge('siblings', here, named(ABSENT, 'n2~a', 9, 'k'))
    const early = increment(both, 'n1~a', W + 20, 1, W, true)
    expect([actorsOf(early), valueOf(early)]).toEqual([['n1~a', 'n2~a', 'n1~a'], 6n])
    const elsewhere = increment(both, 'n2~a', W + 20, 1, W + 1, false)
    expect([actorsOf(elsewhere).length, valueOf(elsewhere)]).toEqual([3, 6n])
    const folded = increment(both, 'n1~a', W + 20, 1, W + 1, true)
    expect([actorsOf(folded), valueOf(folded)]).toEqual([['n1~a'], 6n])
    expect(merge('siblings', both, folded)).toEqual(folded)
    expect(findNamed(folded.siblings, nameOfKey('k', undefined).id)).toBeUndefined()
  })

  it('folds older ones although it is named itself', () => {
    const held = increment(named(ABSENT, 'n1~a', 1, 'k'), 'n1~a', 4, 1)
    const next = named(held, 'n1~a', W + 20, 'l', W + 5)
    expect([next.siblings.length, valueOf(next)]).toEqual([2, 11n])
  })

  it('is remembered by the tombstone of a delete, beside what comes after', () => {
    const held = named(ABSENT, 'n1~a', 1, 'k')
    const own = { ...nameOfKey('d', 'f'), dot: { actor: 'n1~a', timestamp: 5 } }
    const kind = 'deleted a value'
    const value = namesAfterDelete(held.siblings, [], 0, { ...own, kind })
    const content = { ...TOMBSTONE, value }
    const deleted = write('siblings', held, own.dot, content, undefined)
    const later = increment(deleted, 'n2~a', 9, 2)
    expect([later.siblings.length, valueOf(later)]).toEqual([2, 2n])
    const dot = { actor: 'n1~a', timestamp: 1 }
    const k = { ...nameOfKey('k', undefined), dot, kind: 'increment' }
    expect(findNamed(later.siblings, k.id)).toEqual(k)
    expect(findNamed(later.siblings, own.id)).toEqual({ ...own, kind })
    // Once the window has settled, the tombstone goes with the next increment.
    const after = increment(later, 'n2~a', W + 20, 1, W + 5)
    expect([after.siblings.length, valueOf(after)]).toEqual([1, 3n])
  })
})

describe('a repeat that did not know of the delete', () => {
  const W = NAME_WINDOW_TICKS

  /** A delete of all that is held. */
  const removed = (
    held: StoredObject,
    actor: string,
    timestamp: number,
    settled = 0,
  ): StoredObject => {
    const value = namesAfterDelete(held.siblings, [], settled, undefined)
    return write('siblings', held, { actor, timestamp }, { ...TOMBSTONE, value }, undefined)
  }
  const deletedHere = removed(named(ABSENT, 'n1~a', 1, 'k'), 'n1~a', 5)
  const repeatedThere = named(ABSENT, 'n2~a', 9, 'k')

  it('counts nothing once the two meet, and goes with the next increment', () => {
    const both = merge('siblings', deletedHere, repeatedThere)
    expect(valueOf(both)).toBe(0n)
    expect(valueOf(merge('siblings', repeatedThere, deletedHere))).toBe(0n)
    const next = increment(both, 'n3~a', 20, 2)
    expect([next.siblings.length, valueOf(next)]).toEqual([2, 2n])
    // Nor does it come back when the tombstone has gone, or from an owner that still has it.
    const later = increment(both, 'n3~a', W + 20, 2, W + 5)
    expect([later.siblings.length, valueOf(later)]).toEqual([1, 2n])
    expect(valueOf(merge('siblings', later, both))).toBe(2n)
  })

  it('counts nothing beside a delete that has not seen it, when the first name is past', () => {
    const both = merge('siblings', deletedHere, repeatedThere)
    const [, repeat] = both.siblings
    if (repeat === undefined) throw new Error('the repeat is held')
    const [tombstone] = both.siblings
    const value = namesAfterDelete([tombstone as typeof repeat], [repeat], W + 20, undefined)
    const dot = { actor: 'n1~a', timestamp: W + 30 }
    const again = write('siblings', both, dot, { ...TOMBSTONE, value }, deletedHere.vector)
    expect(again.siblings).toHaveLength(2)
    expect(valueOf(again)).toBe(0n)
  })

  type Turn =
    | { readonly type: 'increment'; readonly at: number; readonly key: string }
    | { readonly type: 'delete'; readonly at: number }
    | { readonly type: 'merge'; readonly at: number; readonly from: number }
  const at = fc.nat({ max: 2 })
  const turns: fc.Arbitrary<Turn[]> = fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant('increment' as const),
          at,
          key: fc.constantFrom('a', 'b', 'c'),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), at }) },
      { weight: 3, arbitrary: fc.record({ type: fc.constant('merge' as const), at, from: at }) },
    ),
    { maxLength: 30 },
  )

  it('counts nothing, whatever repeats, deletes and merges there are: a name counts once, or was deleted', () => {
    fc.assert(
      fc.property(turns, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (taken, order) => {
        const copies: StoredObject[] = [ABSENT, ABSENT, ABSENT]
        const made = new Set<string>()
        const gone = new Set<string>()
        const idsIn = ({ siblings }: StoredObject): string[] =>
          ['a', 'b', 'c'].filter((key) => findNamed(siblings, nameOfKey(key, undefined).id))
        taken.forEach((turn, i) => {
          const held = copies[turn.at] as StoredObject
          const actor = `n${turn.at + 1}~a`
          const timestamp = 2 * i + 1
          if (turn.type === 'merge') {
            copies[turn.at] = merge('siblings', held, copies[turn.from] as StoredObject)
          } else if (turn.type === 'delete') {
            for (const key of idsIn(held)) gone.add(key)
            copies[turn.at] = removed(held, actor, timestamp)
          } else if (!idsIn(held).includes(turn.key)) {
            made.add(turn.key)
            copies[turn.at] = named(held, actor, timestamp, turn.key, 0, turn.at === 0)
          }
        })
        const whole = order.reduce(
          (all, i) => merge('siblings', all, copies[i] as StoredObject),
          ABSENT,
        )
        const left = [...made].filter((key) => !gone.has(key))
        expect(valueOf(whole)).toBe(BigInt(5 * left.length))
      }),
      { numRuns: 1000, seed: 20_261_129 },
    )
  })
})
