/** What operations make of a strong key: a batch is no more and no less than its operations one after the other. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entityTag } from '../../../src/core/causality/entity-tag.ts'
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import {
  applyOperations,
  atBallot,
  type Attempted,
  ballotOf,
  type Requested,
  type RegisterRound,
  versionOf,
} from '../../../src/core/consensus/register.ts'
import { BALLOT_ZERO } from '../../../src/core/consensus/ballot.ts'
import { ACTOR, at, NOW_MS, put, READ, remove, textOf, told } from './register-requests.ts'
import { EMPTY_VECTOR } from '../../../src/core/causality/version-vector.ts'

const RUNS = { numRuns: 300, seed: 20_261_125 }
const ABSENT_ONLY = { type: 'none-match', tags: '*' } as const
const PRESENT_ONLY = { type: 'match', tags: '*' } as const
const tagAt = (timestamp: number): string => entityTag([{ actor: ACTOR, timestamp }])
const onlyAt = (timestamp: number) => ({ type: 'match', tags: [tagAt(timestamp)] }) as const

function apply(
  current: StoredObject | null,
  requested: readonly Requested[],
  counter: number,
  nowMs = NOW_MS,
): RegisterRound {
  return applyOperations(current, requested, at(counter), nowMs)
}

/** A register in which 'first' was written at the time 1, at the ballot 10. */
const written = (options = {}): StoredObject => apply(null, [put(1, 'first', options)], 10).next

describe('one operation', () => {
  it('writes to an empty register, and tells that nothing was there', () => {
    const { changed, next, ends } = apply(null, [put(7, 'x')], 10)
    expect(changed).toBe(true)
    expect([textOf(next), ballotOf(next), versionOf(next)]).toEqual(['x', at(10), 7])
    expect(ends[0]).toMatchObject({
      isNew: true,
      result: { type: 'written', dot: { actor: ACTOR, timestamp: 7 }, existed: false },
    })
  })

  it('writes over a value, and tells that there was one', () => {
    const { next, ends } = apply(written(), [put(2, 'x')], 20)
    expect([textOf(next), ballotOf(next)]).toEqual(['x', at(20)])
    expect(ends[0]?.result).toMatchObject({ existed: true })
  })

  it('reads without a change, at the ballot of its round', () => {
    const { changed, next, ends } = apply(written(), [READ], 20)
    expect(changed).toBe(false)
    expect(next).toEqual(atBallot(written(), at(20)))
    expect(ends).toEqual([{ result: { type: 'read' }, isNew: false, object: next }])
  })

  it('deletes by a tombstone, which is a version and no value', () => {
    const { next, ends } = apply(written(), [remove(2)], 20)
    expect([textOf(next), versionOf(next)]).toEqual(['-', 2])
    expect(ends[0]?.result).toMatchObject({ type: 'written', existed: true })
    const again = apply(next, [remove(3)], 30)
    expect(again.ends[0]?.result).toMatchObject({ type: 'written', existed: false })
    expect(versionOf(again.next)).toBe(3)
  })

  it('keeps what it read of an empty register apart from a value', () => {
    const { changed, next } = apply(null, [READ], 10)
    expect([changed, next.siblings, versionOf(next), ballotOf(next)]).toEqual([
      false,
      [],
      0,
      at(10),
    ])
    expect(ballotOf({ vector: EMPTY_VECTOR, siblings: [] })).toEqual(BALLOT_ZERO)
  })

  it('is not made at a version that does not rise', () => {
    for (const timestamp of [1, 0]) {
      expect(() => apply(written(), [put(timestamp, 'x')], 20)).toThrow(/later version/)
    }
  })
})

describe('a condition', () => {
  it.each([
    [ABSENT_ONLY, false],
    [PRESENT_ONLY, true],
    [onlyAt(1), true],
    [onlyAt(2), false],
    [{ type: 'match', tags: [tagAt(2), tagAt(1)] }, true],
    [{ type: 'none-match', tags: [tagAt(1)] }, false],
    [{ type: 'none-match', tags: [tagAt(2)] }, true],
    [{ type: 'match', tags: [`W/${tagAt(1)}`] }, false],
  ] as const)('%j holds of a value: %s', (condition, holds) => {
    const { changed, next, ends } = apply(written(), [put(2, 'x', { condition })], 20)
    expect([changed, textOf(next)]).toEqual(holds ? [true, 'x'] : [false, 'first'])
    if (!holds) expect(ends[0]?.result).toEqual({ type: 'condition failed', tag: tagAt(1) })
  })

  it.each([
    ['nothing', null],
    ['a tombstone', apply(null, [remove(1)], 10).next],
    ['an expired value', written({ expiresAtMs: NOW_MS })],
  ])('of %s holds as of no value', (_, current) => {
    const holds = (condition: Requested['operation'] & { type: 'write' }): boolean =>
      apply(current, [{ ...put(2, 'x'), operation: condition }], 20).changed
    const { operation } = put(2, 'x') as { operation: Requested['operation'] & { type: 'write' } }
    expect(holds({ ...operation, condition: ABSENT_ONLY })).toBe(true)
    expect(holds({ ...operation, condition: { type: 'none-match', tags: [tagAt(1)] } })).toBe(true)
    expect(holds({ ...operation, condition: PRESENT_ONLY })).toBe(false)
    expect(holds({ ...operation, condition: onlyAt(1) })).toBe(false)
    const { ends } = apply(current, [put(2, 'x', { condition: PRESENT_ONLY })], 20)
    expect(ends[0]?.result).toEqual({ type: 'condition failed', tag: undefined })
  })

  it('takes a value for one until the moment at which it expires', () => {
    const current = written({ expiresAtMs: NOW_MS })
    const existedAt = (nowMs: number): unknown => apply(current, [put(2, 'x')], 20, nowMs).ends[0]
    expect(existedAt(NOW_MS - 1)).toMatchObject({ result: { existed: true } })
    expect(existedAt(NOW_MS)).toMatchObject({ result: { existed: false } })
  })
})

describe('a batch', () => {
  it('applies its operations in their order, and shows each what was before it', () => {
    const round = apply(written(), [READ, put(2, 'b'), READ, put(3, 'c'), remove(4), READ], 20)
    expect(told(round)).toEqual(['read', 2, 'read', 3, 4, 'read'])
    expect(round.ends.map(({ object }) => textOf(object))).toEqual([
      'first',
      'b',
      'b',
      'c',
      '-',
      '-',
    ])
    expect(textOf(round.next)).toBe('-')
    expect(round.next.memory?.changes).toEqual([at(10), at(20)])
  })

  it('skips nothing for a condition that fails', () => {
    const round = apply(
      written(),
      [put(2, 'b', { condition: ABSENT_ONLY }), put(3, 'c'), put(4, 'd', { condition: onlyAt(1) })],
      20,
    )
    expect(told(round)).toEqual(['condition failed', 3, 'condition failed'])
    expect([round.changed, textOf(round.next)]).toEqual([true, 'c'])
    // The tag that a failed condition tells of is that of the value which it met.
    expect(round.ends[2]?.result).toMatchObject({ tag: tagAt(3) })
  })

  it('lets conditions see the writes before them', () => {
    const chain = [
      put(2, 'b', { condition: ABSENT_ONLY }),
      put(3, 'c', { condition: onlyAt(2) }),
      put(4, 'd', { condition: ABSENT_ONLY }),
      remove(5, { condition: onlyAt(3) }),
      put(6, 'e', { condition: ABSENT_ONLY }),
    ]
    expect(told(apply(null, chain, 20))).toEqual([2, 3, 'condition failed', 5, 6])
  })

  it('changes nothing where nothing in it does', () => {
    const round = apply(written(), [READ, put(2, 'b', { condition: ABSENT_ONLY })], 20)
    expect(round.changed).toBe(false)
    expect(round.next).toEqual(atBallot(written(), at(20)))
  })
})

describe('an idempotency key', () => {
  const first = put(2, 'b', { idempotencyKey: 'k' })

  it('makes a write once in a batch, and answers its repeats alike', () => {
    const again = put(4, 'b', { idempotencyKey: 'k' })
    const round = apply(null, [first, put(3, 'c'), again], 20)
    expect(told(round)).toEqual([2, 3, 2])
    // The repeat is made with the round, or not at all: what was not told of the one is not of the other.
    expect(round.ends.map(({ isNew }) => isNew)).toEqual([true, true, true])
    expect(textOf(round.next)).toBe('c')
  })

  it('makes a write once across rounds, whatever its condition says by then', () => {
    const condition = ABSENT_ONLY
    const once = apply(null, [put(2, 'b', { idempotencyKey: 'k', condition })], 20).next
    const later = apply(once, [put(3, 'c')], 30).next
    const round = apply(later, [put(4, 'b', { idempotencyKey: 'k', condition })], 40)
    expect([round.changed, textOf(round.next)]).toEqual([false, 'c'])
    expect(round.ends[0]?.result).toMatchObject({ dot: { timestamp: 2 }, existed: false })
  })

  it('refuses another write, in the same batch and later, and takes the same one', () => {
    const named = (timestamp: number, fingerprint?: string): Requested =>
      put(timestamp, 'b', {
        idempotencyKey: 'k',
        ...(fingerprint === undefined ? {} : { fingerprint }),
      })
    const round = apply(null, [named(2, 'b'), named(3, 'c'), named(4, 'b')], 20)
    expect(told(round)).toEqual([2, 'key reused', 2])
    expect(round.ends.map(({ isNew }) => isNew)).toEqual([true, false, true])
    const later = apply(round.next, [named(5, 'c'), named(6, 'b'), named(7)], 30)
    expect([later.changed, told(later)]).toEqual([false, ['key reused', 2, 2]])
  })

  it('of a write that was not made gives no answer', () => {
    const failed = put(2, 'b', { idempotencyKey: 'k', condition: ABSENT_ONLY })
    const round = apply(written(), [failed, remove(3), { ...failed, dot: put(4, '').dot }], 20)
    expect(told(round)).toEqual(['condition failed', 3, 4])
  })
})

describe('a doubtful attempt', () => {
  const before = written()
  const attempt = apply(before, [put(2, 'b')], 20)
  const done = attempt.ends[0]?.result as Attempted['done']
  const retried = (timestamp: number): Requested =>
    put(timestamp, 'b', { doubtful: [{ ballot: at(20), done }], condition: onlyAt(1) })

  it('that was decided is answered as before, and not repeated', () => {
    const later = apply(attempt.next, [put(3, 'c')], 30).next
    for (const [current, text] of [
      [attempt.next, 'b'],
      [later, 'c'],
    ] as const) {
      const round = apply(current, [retried(9)], 40)
      expect([round.changed, textOf(round.next), told(round)]).toEqual([false, text, [2]])
    }
  })

  it('that was not decided is made now, if its condition holds now', () => {
    expect(told(apply(before, [retried(9)], 40))).toEqual([9])
    const other = apply(before, [put(3, 'c')], 30).next
    expect(told(apply(other, [retried(9)], 40))).toEqual(['condition failed'])
  })

  it('that was decided is found behind an attempt whose result is forgotten', () => {
    const doubtful = [
      { ballot: at(5), done: { ...done, dot: { actor: ACTOR, timestamp: 1 } } },
      { ballot: at(20), done },
    ] as Attempted[]
    let current = attempt.next
    for (let i = 1; i <= 5; i++) current = apply(current, [put(2 + i, `${i}`)], 20 + i).next
    expect(told(apply(current, [put(10, 'b', { doubtful })], 40))).toEqual([2])
  })

  it('whose result is forgotten is not repeated', () => {
    let current = before
    for (let i = 1; i <= 6; i++) current = apply(current, [put(2 + i, `${i}`)], 20 + i).next
    const round = apply(current, [put(9, 'x'), retried(10)], 40)
    expect(told(round)).toEqual([9, 'forgotten'])
  })
})

const operation = fc.record({
  kind: fc.constantFrom('read', 'put', 'put', 'delete'),
  idempotencyKey: fc.option(fc.constantFrom('k', 'l'), { nil: undefined, freq: 3 }),
  /** Undefined: none; 0: a value that is not there; else the version of that number. */
  condition: fc.option(fc.nat({ max: 8 }), { nil: undefined, freq: 2 }),
  isExpired: fc.boolean(),
})
const operations = fc.array(operation, { minLength: 1, maxLength: 8 }).map((drawn) =>
  drawn.map(({ kind, idempotencyKey, condition, isExpired }, i): Requested => {
    if (kind === 'read') return READ
    return put(i + 1, `v${i + 1}`, {
      tombstone: kind === 'delete',
      expiresAtMs: isExpired && kind === 'put' ? NOW_MS : 0,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(condition === undefined
        ? {}
        : { condition: condition === 0 ? ABSENT_ONLY : onlyAt(condition) }),
    })
  }),
)

describe('rounds', () => {
  it('of a batch give the same result as one round per operation', () => {
    fc.assert(
      fc.property(operations, (requested) => {
        const batch = apply(null, requested, 100)
        let current: StoredObject | null = null
        const ends = requested.map((one, i) => {
          const round = apply(current, [one], i + 1)
          current = round.next
          return round.ends[0]
        })
        const single = current as unknown as StoredObject
        expect(batch.ends.map(({ result }) => result)).toEqual(ends.map((end) => end?.result))
        // A repeat of what the batch itself makes depends on the batch.
        batch.ends.forEach(({ isNew }, i) => {
          if (!isNew) expect(ends[i]?.isNew).toBe(false)
        })
        expect(batch.next.siblings).toEqual(single.siblings)
        expect(batch.next.memory?.answered).toEqual(single.memory?.answered)
        expect(batch.changed).toBe(ends.some((end) => end?.isNew))
      }),
      RUNS,
    )
  })

  it('raise the version only if they change the value', () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 5 }), (batches) => {
        let current: StoredObject | null = null
        batches.forEach((batch, i) => {
          const requested = batch.map((one) =>
            one.dot === undefined
              ? one
              : { ...one, dot: { ...one.dot, timestamp: 10 * i + one.dot.timestamp } },
          )
          const { next, changed } = apply(current, requested, i + 1)
          const before = current === null ? 0 : versionOf(current)
          if (changed) expect(versionOf(next)).toBeGreaterThan(before)
          else expect(versionOf(next)).toBe(before)
          current = next
        })
      }),
      RUNS,
    )
  })

  /** What happens between the attempts of one write: others' changes, and whether the attempt itself comes through. */
  const attempts = fc.array(fc.record({ others: fc.nat({ max: 7 }), isMade: fc.boolean() }), {
    maxLength: 5,
  })

  it('make a write once however often its outcome was unknown, or report that the result is forgotten', () => {
    let forgotten = 0
    fc.assert(
      fc.property(attempts, (taken) => {
        let [counter, current, made, since] = [0, null as StoredObject | null, 0, 0]
        const doubtful: Attempted[] = []
        for (const { others, isMade } of [...taken, { others: 0, isMade: true }]) {
          counter++
          const { ends, next } = apply(current, [put(counter, 'w', { doubtful })], counter)
          const [end] = ends
          if (isMade) current = next
          if (isMade && end?.isNew === true) made++
          if (end?.result.type === 'forgotten') forgotten++
          if (end?.result.type === 'forgotten') expect(since).toBeGreaterThanOrEqual(6)
          else if (isMade) expect([end?.result.type, made]).toEqual(['written', 1])
          if (end?.isNew === true && end.result.type === 'written') {
            doubtful.push({ ballot: at(counter), done: end.result })
          }
          for (let i = 0; i < others; i++) {
            counter++
            current = apply(current, [put(counter, 'other')], counter).next
          }
          since += others
        }
      }),
      RUNS,
    )
    expect(forgotten).toBeGreaterThan(0)
  })
})
