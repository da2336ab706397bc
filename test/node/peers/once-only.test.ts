import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OnceOnly } from '../../../src/node/peers/once-only.ts'

const RUNS = { numRuns: 300, seed: 20_261_123 }
const DEADLINE_MS = 100

describe('an ask that must not be done twice', () => {
  it('is done once, however often it arrives before its deadline, whoever else asks', () => {
    const asks = fc.array(
      fc.record({
        from: fc.constantFrom('n1', 'n2', 'n11'),
        id: fc.nat({ max: 20 }),
        afterMs: fc.nat({ max: 30 }),
      }),
      { maxLength: 100 },
    )
    // The deadline belongs to the ask: a double has that of the first.
    fc.assert(
      fc.property(asks, (arrivals) => {
        const once = new OnceOnly()
        const deadlines = new Map<string, number>()
        let nowMs = 0
        for (const { from, id, afterMs } of arrivals) {
          nowMs += afterMs
          const name = `${from} ${id}`
          const known = deadlines.get(name)
          // The caller refuses what is late.
          if (known !== undefined && known < nowMs) continue
          const deadlineMs = known ?? nowMs + DEADLINE_MS
          expect(once.take(from, id, deadlineMs, nowMs)).toBe(
            known === undefined ? 'first' : 'again',
          )
          deadlines.set(name, deadlineMs)
        }
      }),
      RUNS,
    )
  })

  it('is not the same as one of another peer, though peers and numbers join to one text', () => {
    const once = new OnceOnly()
    expect(once.take('n1', 11, DEADLINE_MS, 0)).toBe('first')
    expect(once.take('n11', 1, DEADLINE_MS, 0)).toBe('first')
    expect(once.take('n1', 11, DEADLINE_MS, 0)).toBe('again')
  })

  it('is refused while too many are remembered, and taken once their deadlines have passed', () => {
    const once = new OnceOnly()
    let taken = 0
    while (once.take('n1', taken, DEADLINE_MS, 0) === 'first') taken++
    expect(taken).toBeGreaterThan(0)
    expect(once.take('n2', 1, DEADLINE_MS, 0)).toBe('full')
    // What is remembered is still told from what is new.
    expect(once.take('n1', 0, DEADLINE_MS, 0)).toBe('again')
    expect(once.take('n2', 1, 2 * DEADLINE_MS, DEADLINE_MS)).toBe('full')
    // Forgotten by the second.
    expect(once.take('n2', 1, 2000, 1000)).toBe('first')
  })

  it('does not keep those of near deadlines for the sake of one with a far one', () => {
    const once = new OnceOnly()
    expect(once.take('n1', -1, 60_000, 0)).toBe('first')
    let taken = 0
    while (once.take('n1', taken, DEADLINE_MS, 0) === 'first') taken++
    expect(once.take('n2', 1, 2000, 1000)).toBe('first')
    expect(once.take('n1', -1, 60_000, 30_000)).toBe('again')
  })
})
