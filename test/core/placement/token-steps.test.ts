/** The documents that add and revoke tokens. */
import { expect, test } from 'vitest'
import {
  type AccessToken,
  TOKENS_CHARACTERS_MAX,
  TOKENS_MAX,
} from '../../../src/core/access/access-token.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import { beginChange } from '../../../src/core/placement/change-steps.ts'
import { addToken, revokeToken, tokenNamed } from '../../../src/core/placement/token-steps.ts'
import { checkTopology } from '../../../src/core/placement/topology-check.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { memberNo, topologyOf } from './change-cluster.ts'

const NOW_MS = 1_000_000

function token(name: string, parts: Partial<AccessToken> = {}): AccessToken {
  return {
    name,
    hash: `hash of ${name}`,
    grants: [{ bucket: '*', prefix: '', rights: ['read'] }],
    createdMs: NOW_MS,
    expiresMs: null,
    ...parts,
  }
}

function added(topology: Topology, ...tokens: readonly AccessToken[]): Topology {
  let now = topology
  for (const one of tokens) {
    now = addToken(now, one, NOW_MS) as Topology
    checkTopology(now)
  }
  return now
}

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'ok'
  } catch (error) {
    return error instanceof QuorateError ? error.code : String(error)
  }
}

const FIRST = topologyOf(3)

test('tokens are kept in the order of their names, and each step has an epoch of its own', () => {
  const topology = added(FIRST, token('b'), token('a'), token('c'))
  expect(topology.tokens?.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  expect(topology.epoch).toBe(FIRST.epoch + 3)
  expect(tokenNamed(topology, 'b')).toEqual(token('b'))
})

test('a token that is there already changes nothing, and another one of its name is refused', () => {
  const topology = added(FIRST, token('a'))
  expect(addToken(topology, token('a'), NOW_MS)).toBeUndefined()
  expect(codeOf(() => addToken(topology, token('a', { hash: 'other' }), NOW_MS))).toBe(
    'token_exists',
  )
})

test('expired tokens leave with the next token, and give their names free', () => {
  const topology = added(FIRST, token('a', { expiresMs: NOW_MS + 1 }), token('b'))
  expect(topology.tokens).toHaveLength(2)
  const later = addToken(topology, token('a', { hash: 'new' }), NOW_MS + 1)
  expect(later?.tokens?.map(({ hash }) => hash)).toEqual(['new', 'hash of b'])
})

test('a token is revoked once, and never in the place of a later one of its name', () => {
  const topology = added(FIRST, token('a'), token('b'))
  const revoked = revokeToken(topology, token('a')) as Topology
  expect(revoked.tokens?.map(({ name }) => name)).toEqual(['b'])
  expect(revokeToken(revoked, token('a'))).toBeUndefined()
  const again = added(revoked, token('a', { hash: 'new' }))
  expect(codeOf(() => revokeToken(again, token('a')))).toBe('change_under_way')
  const none = revokeToken(revoked, token('b')) as Topology
  expect('tokens' in none).toBe(false)
  expect(codeOf(() => tokenNamed(none, 'b'))).toBe('token_unknown')
})

test('a cluster has bounds for its tokens', () => {
  const many = Array.from({ length: TOKENS_MAX }, (_, i) => token(`t${i}`))
  const full = { ...FIRST, tokens: many.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  expect(codeOf(() => addToken(full, token('more'), NOW_MS))).toBe('limit_reached')
  const prefix = 'x'.repeat(TOKENS_CHARACTERS_MAX)
  const large = token('large', { grants: [{ bucket: '*', prefix, rights: ['read'] }] })
  expect(codeOf(() => addToken(FIRST, large, NOW_MS))).toBe('limit_reached')
})

test('a change of the members keeps the tokens', () => {
  const topology = added(FIRST, token('a'))
  const changing = beginChange(topology, { kind: 'join', member: memberNo(4) })
  expect(changing.tokens).toEqual(topology.tokens)
  const more = added(changing, token('b'))
  expect(more.change).toEqual(changing.change)
  expect((revokeToken(more, token('a')) as Topology).change).toEqual(changing.change)
})
