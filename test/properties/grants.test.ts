/**
 * Rights against a dumb twin. The twin lists every key of a small world, and tells for each which grants cover it, by
 * comparing bytes instead of texts.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Grant,
  hasRight,
  hasRightToAll,
  isBucketPattern,
  RIGHTS,
  seesBucket,
} from '../../src/core/access/grant.ts'

const RUNS = { numRuns: 500, seed: 20_261_130 }

const BUCKETS = ['a', 'ab', 'b', 'a-b', 'abc']
const PATTERNS = [...BUCKETS, '*', 'a*', 'ab*', 'c*']
/** Letters with two forms in Unicode, a character of two units, an escape, and the parts of a path. */
const LETTERS = ['e', 'é', 'e\u0301', '/', '.', '..', '%2F', '😀', 'E']
const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 3 }).map((parts) => parts.join(''))

const grant: fc.Arbitrary<Grant> = fc.record({
  bucket: fc.constantFrom(...PATTERNS),
  prefix: text,
  rights: fc.subarray([...RIGHTS], { minLength: 1 }),
})
const grants = fc.array(grant, { maxLength: 4 })
const right = fc.constantFrom(...RIGHTS)

function beginsWith(bytes: Buffer, beginning: Buffer): boolean {
  return bytes.subarray(0, beginning.length).equals(beginning)
}

/** Whether the grant covers the key: the twin. */
function covers({ bucket: pattern, prefix }: Grant, bucket: string, key: string): boolean {
  const name = pattern.replace('*', '')
  const isBucket = pattern === name ? bucket === name : bucket.slice(0, name.length) === name
  return isBucket && beginsWith(Buffer.from(key), Buffer.from(prefix))
}

test('a key is allowed exactly if a grant with the right covers its bytes', () => {
  fc.assert(
    fc.property(grants, right, fc.constantFrom(...BUCKETS), text, (given, wanted, bucket, key) => {
      const twin = given.some((one) => one.rights.includes(wanted) && covers(one, bucket, key))
      expect(hasRight(given, wanted, bucket, key)).toBe(twin)
    }),
    RUNS,
  )
})

test('a range is allowed only if each of its keys is', () => {
  fc.assert(
    fc.property(
      grants,
      right,
      fc.constantFrom(...BUCKETS),
      text,
      fc.array(text),
      (given, wanted, bucket, prefix, ends) => {
        if (!hasRight(given, wanted, bucket, prefix)) return
        for (const end of ends) expect(hasRight(given, wanted, bucket, prefix + end)).toBe(true)
      },
    ),
    RUNS,
  )
})

test('a right to everything is a right to every key of every bucket, also of later ones', () => {
  fc.assert(
    fc.property(
      grants,
      right,
      fc.constantFrom(...BUCKETS, 'later'),
      text,
      (given, wanted, bucket, key) => {
        const all = given.some(
          (one) => one.bucket === '*' && one.prefix === '' && one.rights.includes(wanted),
        )
        expect(hasRightToAll(given, wanted)).toBe(all)
        if (all) expect(hasRight(given, wanted, bucket, key)).toBe(true)
      },
    ),
    RUNS,
  )
})

test('a bucket is seen exactly if a grant covers one of its keys', () => {
  fc.assert(
    fc.property(grants, fc.constantFrom(...BUCKETS), (given, bucket) => {
      expect(seesBucket(given, bucket)).toBe(given.some((one) => covers(one, bucket, one.prefix)))
    }),
    RUNS,
  )
})

test.each([
  ['eu/', 'eu', false],
  ['eu/', 'eu/', true],
  ['eu/', 'eu/x', true],
  ['eu/', 'eux', false],
  ['eu/', 'EU/x', false],
  ['eu/', '/eu/x', false],
  ['eu/', 'eu%2Fx', false],
  ['é', 'e\u0301', false],
  ['e', 'e\u0301', true],
  ['', 'anything', true],
])('the prefix %j covers the key %j: %j', (prefix, key, expected) => {
  expect(hasRight([{ bucket: 'carts', prefix, rights: ['read'] }], 'read', 'carts', key)).toBe(
    expected,
  )
})

test.each([
  ['carts', true],
  ['*', true],
  ['team-*', true],
  ['a'.repeat(63), true],
  [`${'a'.repeat(62)}*`, true],
  ['a'.repeat(64), false],
  [`${'a'.repeat(63)}*`, false],
  ['', false],
  ['**', false],
  ['*a', false],
  ['a*b', false],
  ['A', false],
  ['-a', false],
  ['carts~17', false],
  ['a/b', false],
  ['carts\n', false],
])('%j is a pattern of buckets: %j', (pattern, expected) => {
  expect(isBucketPattern(pattern)).toBe(expected)
})
