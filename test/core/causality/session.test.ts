/** The past of a session: joins as sets do, and leaves out only what is settled. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  EMPTY_SESSION,
  joinSessions,
  missingFrom,
  oldestAbove,
  quorumFloorOf,
  seenOf,
  type Session,
  sessionBytes,
  withoutKeys,
  withoutSettled,
  withQuorumFloor,
  withSeen,
} from '../../../src/core/causality/session.ts'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'
import {
  dominates,
  EMPTY_VECTOR,
  vectorOf,
  type VersionVector,
} from '../../../src/core/causality/version-vector.ts'

const timestamp = fc.integer({ min: 1, max: 30 })
const vector: fc.Arbitrary<VersionVector> = fc
  .array(fc.tuple(fc.constantFrom('n1~a', 'n2~b', 'n3~c'), timestamp), {
    minLength: 1,
    maxLength: 3,
  })
  .map((entries) => vectorOf(entries))
const session: fc.Arbitrary<Session> = fc
  .array(fc.tuple(fc.constantFrom('a/1', 'a/2', 'b/1', 'b/2/3'), vector), { maxLength: 4 })
  .map((entries) => new Map(entries))

function plain(of: Session): unknown {
  return [...of]
    .map(([name, seen]) => [name, seen.flat])
    .sort(([a], [b]) => String(a).localeCompare(String(b)))
}

test('session: joining is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(session, session, session, (a, b, c) => {
      expect(plain(joinSessions(a, b))).toEqual(plain(joinSessions(b, a)))
      expect(plain(joinSessions(joinSessions(a, b), c))).toEqual(
        plain(joinSessions(a, joinSessions(b, c))),
      )
      expect(joinSessions(a, a)).toBe(a)
      expect(joinSessions(a, EMPTY_SESSION)).toBe(a)
    }),
  )
})

test('session: what is settled is left out, and nothing else', () => {
  fc.assert(
    fc.property(session, timestamp, (of, horizon) => {
      const kept = withoutSettled(of, horizon)
      for (const [name, seen] of of) {
        for (const [actor, at] of seen) {
          expect(kept.get(name)?.get(actor)).toBe(at > horizon ? at : undefined)
        }
      }
      for (const seen of kept.values()) expect(seen.size).toBeGreaterThan(0)
      expect(withoutSettled(kept, horizon)).toBe(kept)
    }),
  )
})

test('session: the oldest go until the others fit, no more than have to; the quorum floor stays', () => {
  const bytes = fc.integer({ min: 0, max: 200 })
  fc.assert(
    fc.property(session, vector, bytes, (of, seen, bytesMax) => {
      const floored = withQuorumFloor(of, seen)
      expect(quorumFloorOf(floored)).toBe(seen.newest)
      const gone = oldestAbove(floored, bytesMax)
      const kept = withoutKeys(floored, gone)
      expect(kept.size).toBe(floored.size - gone.length)
      expect(quorumFloorOf(kept)).toBe(quorumFloorOf(floored))
      if (gone.length < of.size) expect(sessionBytes(kept)).toBeLessThanOrEqual(bytesMax)
      const newestGone = gone[0]
      if (newestGone === undefined) return
      expect(sessionBytes(withoutKeys(floored, gone.slice(1)))).toBeGreaterThan(bytesMax)
      const latest = (name: string): number => of.get(name)?.newest ?? 0
      for (const name of of.keys()) {
        if (gone.includes(name)) expect(latest(name)).toBeLessThanOrEqual(latest(newestGone))
        else expect(latest(name)).toBeGreaterThanOrEqual(latest(newestGone))
      }
    }),
  )
})

test('session: the quorum floor ends when it is settled', () => {
  const floored = withQuorumFloor(EMPTY_SESSION, vectorOf([['n1~a', 7]]))
  expect(quorumFloorOf(withoutSettled(floored, 6))).toBe(7)
  expect(withoutSettled(floored, 7).size).toBe(0)
})

const content = { value: new Uint8Array(1), contentType: 'x', tombstone: false, expiresAtMs: 0 }
/** Writes of one key by actors that see what they are told to. */
const writes = fc.array(
  fc.record({
    actor: fc.constantFrom('n1~a', 'n2~b', 'n3~c'),
    sees: fc.constantFrom('all', 'none' as const),
  }),
  { minLength: 1, maxLength: 8 },
)

test.each(['siblings', 'lww'] as const)(
  'session: whoever has seen a copy misses nothing in it, nor in any that merged it (%s)',
  (mode) => {
    fc.assert(
      fc.property(writes, fc.nat(), (made, at) => {
        const copies: StoredObject[] = [ABSENT]
        made.forEach(({ actor, sees }, i) => {
          const held = sees === 'all' ? (copies.at(-1) as StoredObject) : ABSENT
          const written = write(mode, held, { actor, timestamp: i + 1 }, content, held.vector)
          copies.push(merge(mode, copies.at(-1) as StoredObject, written))
        })
        const place = at % copies.length
        const seen = seenOf(mode, copies[place] as StoredObject)
        for (const later of copies.slice(place)) {
          expect(missingFrom(mode, later, 0, seen).size).toBe(0)
        }
        // An earlier copy misses the write that came after it, unless that is settled.
        if (place === 0) return
        const newest = seen.newest
        expect(missingFrom(mode, ABSENT, 0, seen).size).toBeGreaterThan(0)
        expect(missingFrom(mode, ABSENT, newest, seen).size).toBe(0)
        if (mode === 'siblings')
          expect(dominates(seen, missingFrom(mode, ABSENT, 0, seen))).toBe(true)
      }),
    )
  },
)

test('session: seeing nothing changes nothing', () => {
  expect(withSeen(EMPTY_SESSION, 'a/1', EMPTY_VECTOR)).toBe(EMPTY_SESSION)
})
