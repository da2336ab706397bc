/** The sealed session: what a client gives back is what it was given, by this cluster, unchanged. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeSessionToken, encodeSessionToken } from '../../../src/api/tokens/session-token.ts'
import {
  type Session,
  SESSION_BYTES_MAX,
  sessionBytes,
} from '../../../src/core/causality/session.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const KEY = 'a key that the cluster has agreed on'
const NO_LIMIT = Number.MAX_SAFE_INTEGER

const vector = fc
  .array(fc.tuple(fc.stringMatching(/^n[1-5]~[a-z0-9]{1,12}(~[a-z0-9]{1,9})?$/), fc.maxSafeNat()), {
    minLength: 1,
    maxLength: 5,
  })
  .map((entries) => vectorOf(entries))
const session: fc.Arbitrary<Session> = fc
  .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), vector), {
    maxLength: 30,
  })
  .map((entries) => new Map(entries.map(([key, seen]) => [`bucket/${key.toWellFormed()}`, seen])))

function refused(token: string, sealKey = KEY): boolean {
  return codeOf(token, sealKey, NO_LIMIT) === 'bad_session'
}

function codeOf(token: string, sealKey: string, timestampMax: number): string | undefined {
  try {
    decodeSessionToken(token, sealKey, timestampMax)
  } catch (error) {
    if (error instanceof QuorateError) return error.code
    throw error
  }
  return undefined
}

function plain(of: Session): unknown {
  return [...of].map(([name, seen]) => [name, seen.flat])
}

test('session token: gives back the session', () => {
  fc.assert(
    fc.property(session, (given) => {
      const token = encodeSessionToken(given, KEY)
      expect(token).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(plain(decodeSessionToken(token, KEY, NO_LIMIT))).toEqual(plain(given))
    }),
  )
})

test('session token: gives back a hidden session, and shows nothing of it', () => {
  fc.assert(
    fc.property(session, (given) => {
      const token = encodeSessionToken(given, KEY, true)
      expect(plain(decodeSessionToken(token, KEY, NO_LIMIT))).toEqual(plain(given))
      expect(token.length).toBe(encodeSessionToken(given, KEY).length)
      const bytes = Buffer.from(token, 'base64url')
      for (const name of given.keys()) expect(bytes.includes(name)).toBe(false)
    }),
  )
})

test('session token: a hidden one is refused after any change, with another key, and as a plain one', () => {
  fc.assert(
    fc.property(session, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, change) => {
      const bytes = Buffer.from(encodeSessionToken(given, KEY, true), 'base64url')
      expect(refused(bytes.toString('base64url'), `${KEY}!`)).toBe(true)
      const changed = Buffer.from(bytes)
      changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ change
      expect(refused(changed.toString('base64url'))).toBe(true)
      const asPlain = Buffer.from(bytes)
      asPlain[0] = 1
      expect(refused(asPlain.toString('base64url'))).toBe(true)
      const asHidden = Buffer.from(encodeSessionToken(given, KEY), 'base64url')
      asHidden[0] = 2
      expect(refused(asHidden.toString('base64url'))).toBe(true)
    }),
  )
})

test('session token: is below 4 KiB wherever the session is within its bound', () => {
  fc.assert(
    fc.property(session, (given) => {
      if (sessionBytes(given) > SESSION_BYTES_MAX) return
      expect(encodeSessionToken(given, KEY).length).toBeLessThan(4096)
    }),
    { numRuns: 300 },
  )
})

test('session token: any change of a character is refused', () => {
  fc.assert(
    fc.property(session, fc.nat(), fc.constantFrom('A', 'z', '0', '_'), (given, at, character) => {
      const token = encodeSessionToken(given, KEY)
      const place = at % token.length
      if (token[place] === character) return
      const changed = token.slice(0, place) + character + token.slice(place + 1)
      // The last character may have bits that stand for nothing.
      if (Buffer.from(changed, 'base64url').equals(Buffer.from(token, 'base64url'))) return
      expect(refused(changed)).toBe(true)
    }),
  )
})

test.each(['', 'x', '*', 'AQ', 'A'.repeat(9000), 'AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])(
  'session token: %j is refused',
  (token) => expect(refused(token)).toBe(true),
)

test('session token: that of another cluster is refused; of one from the future a clock is to blame', () => {
  const token = encodeSessionToken(new Map([['b/k', vectorOf([['n1~a', 1000]])]]), KEY)
  expect(refused(token, 'the key of another cluster')).toBe(true)
  expect(codeOf(token, KEY, 999)).toBe('clock_drift')
  expect(codeOf(token, KEY, 1000)).toBeUndefined()
})
