/** The query parameters of a request for a value. */
import { expect, test } from 'vitest'
import {
  keepsLevel,
  parseKvParameters,
  type KvOperation,
} from '../../../src/api/values/kv-parameters.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'

const BUCKET: Bucket = {
  name: 'carts',
  mode: 'siblings',
  n: 3,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
}

function refusal(query: string, operation: KvOperation): string {
  try {
    parseKvParameters(query, operation, BUCKET)
  } catch (error) {
    if (error instanceof QuorateError && error.code === 'bad_parameter') return error.message
    throw error
  }
  return ''
}

test('kv parameters: an empty query leaves all to the bucket', () => {
  expect(parseKvParameters('', 'get', BUCKET)).toEqual({
    level: undefined,
    r: undefined,
    w: undefined,
    sloppy: undefined,
    timeoutMs: undefined,
    ttlSeconds: undefined,
    sibling: undefined,
    newest: false,
    trace: false,
  })
})

test('kv parameters: reads each of them, in any order', () => {
  expect(
    parseKvParameters(
      'trace=true&ttl=60&timeout=250&sloppy=false&w=2&r=3&consistency=all',
      'put',
      BUCKET,
    ),
  ).toMatchObject({
    level: 'all',
    r: 3,
    w: 2,
    sloppy: false,
    timeoutMs: 250,
    ttlSeconds: 60,
    trace: true,
  })
  expect(parseKvParameters('sibling=n1~x.1', 'get', BUCKET).sibling).toBe('n1~x.1')
  expect(parseKvParameters('resolve=lww', 'get', BUCKET).newest).toBe(true)
})

test.each(['weak', 'eventual', 'quorum', 'all'])(
  'kv parameters: %s alone reads as in company',
  (level) => {
    expect(parseKvParameters(`consistency=${level}`, 'get', BUCKET)).toEqual(
      parseKvParameters(`consistency=${level}&`, 'get', BUCKET),
    )
  },
)

test.each([
  ['consistency=strong', 'get', 'weak, eventual, causal, quorum, all'],
  ['consistency=', 'get', 'weak, eventual, causal, quorum, all'],
  ['consitency=all', 'get', 'consistency, r, w'],
  ['ttl=5', 'get', 'consistency, r, w'],
  ['resolve=lww', 'put', 'consistency, r, w'],
  ['resolve=newest', 'get', 'lww'],
  ['r=0', 'get', 'from 1'],
  ['r=9', 'get', '1 to 3'],
  ['w=4', 'put', '1 to 3'],
  ['w=1.5', 'put', 'whole number'],
  ['w=', 'put', 'whole number'],
  ['r=1&r=1', 'get', 'more than once'],
  ['timeout=0', 'get', '1 to 60000'],
  ['timeout=60001', 'get', '1 to 60000'],
  ['ttl=-1', 'put', 'whole number'],
  ['sloppy=yes', 'get', 'true, false'],
  ['sibling=', 'get', 'id of a sibling'],
  ['sibling=a&resolve=lww', 'get', 'exclude each other'],
  ['trace=%zz', 'get', 'broken percent-encoding'],
] as const)(
  'kv parameters: refuses %s at %s and says what is allowed',
  (query, operation, words) => {
    expect(refusal(query, operation)).toContain(words)
  },
)

test('kv parameters: repeats no more of a long name than a line has room for', () => {
  expect(refusal(`${'x'.repeat(10_000)}=1`, 'get').length).toBeLessThan(300)
})

test.each([
  ['', true],
  ['consistency=quorum', true],
  ['w=2', true],
  ['w=3', true],
  ['r=3&w=3&sloppy=false', true],
  ['consistency=eventual&r=1', true],
  ['consistency=eventual&r=3&sloppy=false', true],
  ['consistency=weak&w=1', true],
  ['consistency=causal&r=3', true],
  ['consistency=all&w=3', true],
  ['w=1', false],
  ['r=1', false],
  ['sloppy=true', false],
  ['consistency=quorum&w=1', false],
  ['consistency=quorum&r=1', false],
  ['consistency=quorum&w=3&r=1', false],
  ['consistency=quorum&sloppy=true', false],
  ['consistency=all&w=2', false],
  ['consistency=all&r=1', false],
  ['consistency=all&sloppy', false],
])('kv parameters: whether %s keeps the promise of its level: %s', (query, keeps) => {
  expect(keepsLevel(parseKvParameters(query, 'get', BUCKET), BUCKET)).toBe(keeps)
})
