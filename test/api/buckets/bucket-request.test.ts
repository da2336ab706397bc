/** What may be asked of a new bucket. */
import { expect, test } from 'vitest'
import { newBucket } from '../../../src/api/buckets/bucket-request.ts'

test('bucket request: an empty one gets the defaults, with no more copies than members', () => {
  expect(newBucket('carts', {}, 5)).toEqual({
    name: 'carts',
    mode: 'siblings',
    n: 3,
    consistency: 'quorum',
    durability: 'sync',
    ttlSeconds: null,
  })
  expect(newBucket('carts', {}, 1).n).toBe(1)
})

test('bucket request: takes what is given', () => {
  const given = { mode: 'lww', n: 2, consistency: 'eventual', durability: 'os', ttlSeconds: 60 }
  expect(newBucket('seen', given, 3)).toEqual({ name: 'seen', ...given })
})

test.each([
  [{ mode: 'firm' }, 'siblings, lww, strong, counter, set'],
  [{ mode: 'strong', consistency: 'quorum' }, 'strong'],
  [{ mode: 'strong', durability: 'os' }, 'sync'],
  [{ mode: 'counter', ttlSeconds: 60 }, 'ttlSeconds must be null'],
  [{ mode: 'lwww' }, 'siblings, lww'],
  [{ n: 0 }, 'from 1 to 3'],
  [{ n: 4 }, 'from 1 to 3'],
  [{ n: '3' }, 'from 1 to 3'],
  [{ n: null }, 'from 1 to 3'],
  [{ consistency: 'strong' }, 'weak, eventual, causal, quorum, all'],
  [{ durability: true }, 'sync, os'],
  [{ ttlSeconds: 0 }, 'from 1 to'],
  [{ ttl: 5 }, 'ttlSeconds'],
  [{ name: 'other' }, 'allowed: mode'],
])('bucket request: refuses %j and says what is allowed', (given, words) => {
  expect(() => newBucket('carts', given, 3)).toThrow(words)
})
