/** Which bucket and key a raw request target names. */
import { expect, test } from 'vitest'
import { KEY_BYTES_MAX, parseKvTarget } from '../../../src/api/http/kv-path.ts'
import { QuorateError } from '../../../src/core/errors.ts'

function codeOf(target: string): string {
  try {
    parseKvTarget(target)
  } catch (error) {
    if (error instanceof QuorateError) return error.code
    throw error
  }
  return 'none'
}

test.each([
  ['hello', 'hello'],
  ['a/b/c', 'a/b/c'],
  ['a%2Fb', 'a/b'],
  ['a//b/', 'a//b/'],
  ['/', '/'],
  ['..', '..'],
  ['./../%2e%2e/x', './../../x'],
  ['%00', '\0'],
  ['A%20b', 'A b'],
  ['a;b=c&d', 'a;b=c&d'],
  ['%3F', '?'],
])('kv path: the rest of the path is the key, slashes and all: %s', (raw, key) => {
  expect(parseKvTarget(`/v1/kv/default/${raw}`)).toEqual({ bucket: 'default', key, query: '' })
})

test('kv path: the first question mark ends the key', () => {
  expect(parseKvTarget('/v1/kv/b/k?r=1?&x=/y')).toEqual({
    bucket: 'b',
    key: 'k',
    query: 'r=1?&x=/y',
  })
})

test('kv path: counts the bytes of a key, not its characters', () => {
  const longest = '€'.repeat(KEY_BYTES_MAX / 3) + 'a'.repeat(KEY_BYTES_MAX % 3)
  const target = `/v1/kv/default/${encodeURIComponent(longest)}`
  expect(parseKvTarget(target).key).toBe(longest)
  expect(codeOf(`${target}a`)).toBe('bad_key')
})

test.each([
  '/v1/kv/default/',
  '/v1/kv/default',
  '/v1/kv/default?r=1',
  '/v1/kv/default/%zz',
  '/v1/kv/default/%ff',
])('kv path: refuses the key of %s', (target) => expect(codeOf(target)).toBe('bad_key'))

test.each([
  '/v1/kv/',
  '/v1/kv//k',
  '/v1/kv/Upper/k',
  '/v1/kv/.hidden/k',
  '/v1/kv/%zz/k',
  '/v1/kv/d%65fault/s',
  '/v1/kv/default%2Fs',
  `/v1/kv/${'b'.repeat(64)}/k`,
])('kv path: refuses the bucket of %s', (target) => expect(codeOf(target)).toBe('bad_bucket'))
