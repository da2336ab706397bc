/** What one update makes of a counter; that concurrent ones add up is among the properties. */
import { describe, expect, it } from 'vitest'
import { counterValue, incrementCounter } from '../../../src/core/causality/counter.ts'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'

const TOMBSTONE = { value: new Uint8Array(0), contentType: '', tombstone: true, expiresAtMs: 0 }

function increment(
  held: StoredObject,
  actor: string,
  timestamp: number,
  delta: number,
  settled = 0,
  foldsOneOffs = false,
): StoredObject {
  const nodeId = actor.slice(0, 2)
  const next = incrementCounter(held, { actor, timestamp }, delta, {
    nodeId,
    settled,
    foldsOneOffs,
  })
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
