/** The opaque context: what a client gives back is what it was given, for that key only. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeContext, encodeContext } from '../../../src/api/tokens/context-token.ts'
import {
  equalVectors,
  vectorOf,
  type VersionVector,
} from '../../../src/core/causality/version-vector.ts'
import { QuorateError } from '../../../src/core/errors.ts'

const OF = { bucket: 'carts', key: 'alice' }
const NO_LIMIT = Number.MAX_SAFE_INTEGER

const actor = fc
  .tuple(
    fc.constantFrom('n1', 'n2', 'node-3'),
    fc.stringMatching(/^[a-z0-9]{1,12}(~[a-z0-9]{1,11})?$/),
  )
  .map(([node, incarnation]) => `${node}~${incarnation}`)
const timestamp = fc.maxSafeNat()
const vector: fc.Arbitrary<VersionVector> = fc
  .array(fc.tuple(actor, timestamp), { maxLength: 40 })
  .map((entries) => vectorOf(entries))
const contextKey = fc.record({
  bucket: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/),
  key: fc.string({ unit: 'grapheme', minLength: 1 }),
})

function refused(token: string, of = OF, timestampMax = NO_LIMIT): boolean {
  try {
    decodeContext(token, of, timestampMax)
  } catch (error) {
    if (error instanceof QuorateError && error.code === 'bad_context') return true
    throw error
  }
  return false
}

test('context token: gives back the vector, of any key', () => {
  fc.assert(
    fc.property(vector, contextKey, (given, of) => {
      expect(equalVectors(decodeContext(encodeContext(given, of), of, NO_LIMIT), given)).toBe(true)
    }),
  )
})

test('context token: equal vectors give equal tokens, in whatever order they were built', () => {
  fc.assert(
    fc.property(vector, (given) => {
      const reversed = vectorOf([...given].reverse())
      expect(encodeContext(reversed, OF)).toBe(encodeContext(given, OF))
    }),
  )
})

test('context token: fits in a header', () => {
  fc.assert(
    fc.property(vector, (given) => {
      expect(encodeContext(given, OF)).toMatch(/^[A-Za-z0-9_-]+$/)
    }),
  )
})

test('context token: refuses that of another key or bucket', () => {
  fc.assert(
    fc.property(vector, contextKey, contextKey, (given, of, other) => {
      fc.pre(of.bucket !== other.bucket || of.key !== other.key)
      expect(refused(encodeContext(given, of), other)).toBe(true)
    }),
  )
})

test('context token: refuses one with a changed, a missing or an added character', () => {
  fc.assert(
    fc.property(vector, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, change) => {
      const bytes = Buffer.from(encodeContext(given, OF), 'base64url')
      const changed = Buffer.from(bytes)
      const position = at % bytes.length
      changed[position] = (changed[position] as number) ^ change
      expect(refused(changed.toString('base64url'))).toBe(true)
      expect(refused(bytes.subarray(0, -1).toString('base64url'))).toBe(true)
      expect(refused(Buffer.concat([bytes, Buffer.of(0)]).toString('base64url'))).toBe(true)
    }),
  )
})

test('context token: refuses any text that was never one', () => {
  fc.assert(fc.property(fc.string(), (text) => refused(text)))
  fc.assert(fc.property(fc.base64String(), (text) => refused(text)))
})

test('context token: refuses a timestamp above the given one, and takes that one', () => {
  const token = encodeContext(vectorOf([['n1~a', 5000]]), OF)
  expect(refused(token, OF, 4999)).toBe(true)
  expect(refused(token, OF, 5000)).toBe(false)
})

test('context token: a hundred incarnations of one node take less than 2 KiB', () => {
  const many = vectorOf(
    Array.from({ length: 100 }, (_, i) => [`n1~k${(1000 + i).toString(36)}`, 2 ** 50 + i] as const),
  )
  expect(encodeContext(many, OF).length).toBeLessThan(2048)
})
