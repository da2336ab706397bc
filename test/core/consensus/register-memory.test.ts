import { describe, expect, it } from 'vitest'
import { TICKS_PER_MS } from '../../../src/core/causality/hybrid-clock.ts'
import {
  ANSWERED_MAX,
  type AnsweredWrite,
  EMPTY_MEMORY,
  findAnswered,
  findChange,
  type RegisterMemory,
  remember,
} from '../../../src/core/consensus/register-memory.ts'
import { ACTOR, at } from './register-requests.ts'

const TEN_MINUTES = 10 * 60_000 * TICKS_PER_MS

const answer = (idempotencyKey: string, timestamp: number): AnsweredWrite => ({
  idempotencyKey,
  dot: { actor: ACTOR, timestamp },
  existed: false,
})

/** After a change at each of the counters 10, 20, … */
function afterChanges(count: number): RegisterMemory {
  let memory = EMPTY_MEMORY
  for (let i = 1; i <= count; i++) memory = remember(memory, at(10 * i), [], 10 * i)
  return memory
}

describe('the changes that a register remembers', () => {
  it('are the last six, in their order', () => {
    expect(afterChanges(3).changes).toEqual([at(10), at(20), at(30)])
    expect(afterChanges(9).changes).toEqual([40, 50, 60, 70, 80, 90].map((counter) => at(counter)))
  })

  it('tell that one was made by its whole ballot', () => {
    const memory = afterChanges(6)
    expect(findChange(memory, at(10))).toBe('made')
    expect(findChange(memory, at(60))).toBe('made')
    expect(findChange(memory, at(60, 'n2'))).toBe('not made')
  })

  it('tell that one was not made while all later ones are known', () => {
    expect(findChange(EMPTY_MEMORY, at(5))).toBe('not made')
    // As many as are kept, but for one: nothing has left.
    expect(findChange(afterChanges(5), at(5))).toBe('not made')
    expect(findChange(afterChanges(9), at(45))).toBe('not made')
    expect(findChange(afterChanges(9), at(95))).toBe('not made')
  })

  it('do not tell of one that is older than all that is kept', () => {
    expect(findChange(afterChanges(6), at(5))).toBe('forgotten')
    expect(findChange(afterChanges(9), at(30))).toBe('forgotten')
    expect(findChange(afterChanges(9), at(35))).toBe('forgotten')
  })
})

describe('the answered writes that a register remembers', () => {
  it('are found by their idempotency key, with what was told', () => {
    const memory = remember(EMPTY_MEMORY, at(1), [answer('a', 1), answer('b', 2)], 2)
    expect(findAnswered(memory, 'b')).toEqual(answer('b', 2))
    expect(findAnswered(memory, 'c')).toBeUndefined()
  })

  it('stay while others are made, and while a change names no key', () => {
    const first = remember(EMPTY_MEMORY, at(1), [answer('a', 1)], 1)
    const second = remember(first, at(2), [], 2)
    const third = remember(second, at(3), [answer('c', 3)], 3)
    expect(third.answered.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'c'])
  })

  it('are the last 256, of which the oldest go first', () => {
    let memory = EMPTY_MEMORY
    for (let i = 1; i <= ANSWERED_MAX; i++) {
      memory = remember(memory, at(i), [answer(`k${i}`, i)], i)
    }
    expect(findAnswered(memory, 'k1')).toBeDefined()
    memory = remember(memory, at(500), [answer('x', 500), answer('y', 501)], 501)
    expect(memory.answered).toHaveLength(256)
    expect(findAnswered(memory, 'k2')).toBeUndefined()
    expect(findAnswered(memory, 'k3')).toBeDefined()
    expect(findAnswered(memory, 'y')).toBeDefined()
  })

  it('go ten minutes after they were made, with the next change', () => {
    const memory = remember(EMPTY_MEMORY, at(1), [answer('a', 1), answer('b', 2)], 2)
    const justBefore = remember(memory, at(2), [], TEN_MINUTES)
    expect(findAnswered(justBefore, 'a')).toBeDefined()
    const then = remember(memory, at(2), [], TEN_MINUTES + 1)
    expect(findAnswered(then, 'a')).toBeUndefined()
    expect(findAnswered(then, 'b')).toBeDefined()
    // Its own time is that of the change, or a little before: it never goes at once.
    const later = remember(memory, at(2), [answer('c', 2 * TEN_MINUTES)], 2 * TEN_MINUTES)
    expect(later.answered.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['c'])
  })
})
