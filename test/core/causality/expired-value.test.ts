/**
 * Owners that shrink expired values at different moments, by different clocks, and exchange copies in any order. The
 * same run without any shrinking says what must be seen.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shrinkExpired } from '../../../src/core/causality/expired-value.ts'
import { isShrunk } from '../../../src/core/causality/sibling.ts'
import {
  ABSENT,
  equalObjects,
  liveSiblings,
  merge,
  type MergeMode,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'
import { EMPTY_VECTOR, vectorOf } from '../../../src/core/causality/version-vector.ts'
import { deadFromMs } from '../../../src/core/repair/horizon.ts'
import { contentOf, REPLICAS } from '../../properties/replica-runs.ts'

const RUNS = { numRuns: 500, seed: 20_261_129 }
const MODES: readonly MergeMode[] = ['siblings', 'lww']
/** Every value that expires has expired by then. */
const END_MS = 100

type Turn =
  | { readonly type: 'write'; readonly at: number; readonly blind: boolean; readonly ttlMs: number }
  | { readonly type: 'merge'; readonly at: number; readonly from: number }
  /** `lagMs`: so much the clock of that owner is behind. */
  | { readonly type: 'shrink'; readonly at: number; readonly lagMs: number }

const at = fc.nat({ max: REPLICAS - 1 })
const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.oneof(
    // Half of the values never expire.
    fc.record({
      type: fc.constant('write' as const),
      at,
      blind: fc.boolean(),
      ttlMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 15 })),
    }),
    fc.record({ type: fc.constant('merge' as const), at, from: at }),
    fc.record({ type: fc.constant('shrink' as const), at, lagMs: fc.nat({ max: 10 }) }),
  ),
  { maxLength: 40 },
)

/** The owners' copies, and all that they had on the way. The number of a turn is the time in ms. */
function run(
  mode: MergeMode,
  taken: readonly Turn[],
  shrinks: boolean,
): { copies: StoredObject[]; seen: StoredObject[] } {
  const copies: StoredObject[] = Array.from({ length: REPLICAS }, () => ABSENT)
  const seen: StoredObject[] = [ABSENT]
  taken.forEach((turn, i) => {
    const nowMs = i + 1
    const held = copies[turn.at] as StoredObject
    let next = held
    if (turn.type === 'shrink') {
      if (shrinks) next = shrinkExpired(held, nowMs - turn.lagMs)
    } else if (turn.type === 'merge') {
      next = merge(mode, held, copies[turn.from] as StoredObject)
    } else {
      const dot = { actor: `n${turn.at}`, timestamp: nowMs }
      const expiresAtMs = turn.ttlMs === 0 ? 0 : nowMs + turn.ttlMs
      const content = { ...contentOf(`v${i}`), expiresAtMs }
      next = write(mode, held, dot, content, turn.blind ? undefined : EMPTY_VECTOR)
    }
    copies[turn.at] = next
    seen.push(next)
  })
  return { copies, seen }
}

/** Equal exactly for copies of equal bytes. */
function bytesOf({ vector, siblings }: StoredObject): unknown {
  return {
    vector: vector.flat,
    siblings: siblings.map((s) => [
      s.actor,
      s.timestamp,
      [...s.value],
      s.contentType,
      s.tombstone,
      s.expiresAtMs,
    ]),
  }
}

const liveValues = (object: StoredObject, nowMs: number): string[] =>
  liveSiblings(object, nowMs).map(({ value }) => new TextDecoder().decode(value))

describe.each(MODES)('a shrunk value in mode %s', (mode) => {
  const trio = fc.tuple(turns, fc.nat(), fc.nat(), fc.nat()).map(([taken, ...picks]) => {
    const { seen } = run(mode, taken, true)
    return picks.map((n) => seen[n % seen.length]) as [StoredObject, StoredObject, StoredObject]
  })

  it('leaves merging commutative, associative and idempotent, to the byte', () => {
    fc.assert(
      fc.property(trio, ([a, b, c]) => {
        const merged = merge(mode, a, b)
        expect(bytesOf(merged)).toEqual(bytesOf(merge(mode, b, a)))
        expect(bytesOf(merge(mode, merged, c))).toEqual(bytesOf(merge(mode, a, merge(mode, b, c))))
        expect(merge(mode, merged, b)).toBe(merged)
        expect(merge(mode, merged, a)).toBe(merged)
        expect(equalObjects(a, b)).toBe(JSON.stringify(bytesOf(a)) === JSON.stringify(bytesOf(b)))
      }),
      RUNS,
    )
  })

  it('never comes back, and what has not expired stays as it is', () => {
    fc.assert(
      fc.property(turns, (taken) => {
        const shrunk = run(mode, taken, true).copies
        const plain = run(mode, taken, false).copies
        for (const [i, copy] of shrunk.entries()) {
          // An owner sees the same at any time from now on, with the clock of whoever lags most, too.
          for (let nowMs = taken.length; nowMs <= END_MS; nowMs += 5) {
            expect(liveValues(copy, nowMs)).toEqual(liveValues(plain[i] as StoredObject, nowMs))
          }
        }
        const all = shrunk.reduce((one, other) => merge(mode, one, other), ABSENT)
        const names = (object: StoredObject, isWanted: (s: never) => boolean): string[] =>
          object.siblings
            .filter((s) => isWanted(s as never))
            .map(({ actor, timestamp }) => `${actor}@${timestamp}`)
        const gone = new Set(shrunk.flatMap((copy) => names(copy, isShrunk)))
        for (const name of names(all, (s) => !isShrunk(s))) expect(gone).not.toContain(name)
      }),
      RUNS,
    )
  })

  it('ends equal at all owners, whoever shrinks first and whoever last', () => {
    fc.assert(
      fc.property(turns, fc.nat({ max: REPLICAS - 1 }), (taken, last) => {
        const { copies } = run(mode, taken, true)
        const whole = copies.reduce((one, other) => merge(mode, one, other), ABSENT)
        const expected = bytesOf(shrinkExpired(whole, END_MS))
        for (const [i, copy] of copies.entries()) {
          const early = i === last ? copy : shrinkExpired(copy, END_MS)
          const merged = copies.reduce((one, other) => merge(mode, one, other), early)
          expect(bytesOf(shrinkExpired(merged, END_MS))).toEqual(expected)
        }
      }),
      RUNS,
    )
  })

  it('is forgotten exactly when the value would have been', () => {
    fc.assert(
      fc.property(turns, (taken) => {
        for (const object of run(mode, taken, false).seen) {
          const now = deadFromMs(object, (timestamp) => timestamp)
          const shrunk = shrinkExpired(object, END_MS)
          expect(deadFromMs(shrunk, (timestamp) => timestamp)).toBe(now)
          expect(shrinkExpired(shrunk, END_MS)).toBe(shrunk)
        }
      }),
      RUNS,
    )
  })
})

describe('a strong value', () => {
  const accepted = (timestamp: number): StoredObject => ({
    vector: vectorOf([['n1', timestamp]]),
    siblings: [{ actor: 'n1', timestamp, ...contentOf('v'), expiresAtMs: 5 }],
    memory: { changes: [], answered: [] },
  })

  it('that was shrunk stays shrunk beside the same proposal, and yields to a later one', () => {
    const full = accepted(1)
    const shrunk = shrinkExpired(full, 5)
    expect(shrunk.memory).toBe(full.memory)
    expect(merge('strong', full, shrunk)).toBe(shrunk)
    expect(merge('strong', shrunk, full)).toBe(shrunk)
    const later = accepted(2)
    expect(merge('strong', shrunk, later)).toBe(later)
    expect(merge('strong', later, shrunk)).toBe(later)
  })
})
