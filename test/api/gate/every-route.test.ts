/** Walks every route of the table at a node that asks for tokens: with none, with wrong ones, and with too few rights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wordsOfRule } from '../../../src/api/access/access-rule.ts'
import { ENDPOINTS } from '../../../src/api/endpoints.ts'
import type { Endpoint } from '../../../src/api/http/endpoint.ts'
import { RIGHTS } from '../../../src/core/access/grant.ts'
import type { TestAnswer } from '../test-cluster.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

/** What strangers may ask. A route that joins them must be named here, too. */
const OPEN = [
  'getLive',
  'getReady',
  'getHome',
  'getDocs',
  'getOpenApi',
  'getLab',
  'getLabPath',
  'getLabFile',
  'getProblem',
]
/** What a token with any rights may ask. */
const ANY_TOKEN = ['listBuckets']
/** Examples that one node alone must refuse, for reasons of their own. */
const REFUSED_EXAMPLES = ['applyChange']

let cluster: GuardedCluster
/** All rights over a bucket that no example is about, and over one key of each of the others. */
let elsewhere: string
const narrow: Record<string, string> = {}

beforeAll(async () => {
  cluster = await startGuarded(1)
  elsewhere = await cluster.token('elsewhere', { bucket: 'elsewhere', prefix: '', rights: RIGHTS })
  for (const right of RIGHTS) {
    const others = RIGHTS.filter((other) => other !== right)
    narrow[right] = await cluster.token(`without-${right}`, {
      bucket: '*',
      prefix: '',
      rights: others,
    })
  }
  for (const endpoint of ENDPOINTS) if (endpoint.method === 'PUT') await run(endpoint, ROOT_TOKEN)
})

afterAll(() => cluster.stop())

function run(
  { method, example: { target, headers, body } }: Endpoint,
  token: string | undefined,
): Promise<TestAnswer> {
  return cluster.ask(token, target, {
    method,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  })
}

const named = ENDPOINTS.map((endpoint) => [endpoint.id, endpoint] as const)
const guarded = named.filter(([id]) => !OPEN.includes(id))

test.each(named)('the table says who may ask %s', (id, { access, method }) => {
  const isOpen = access.needs === 'nothing'
  expect(isOpen).toBe(OPEN.includes(id))
  // Strangers' bodies are refused before any route is known (gate.ts).
  if (isOpen) expect(method).toBe('GET')
  expect(access.needs === 'token' && access.over === 'none').toBe(ANY_TOKEN.includes(id))
})

test.each(named.filter(([id]) => OPEN.includes(id)))(
  '%s answers strangers',
  async (_, endpoint) => {
    expect((await run(endpoint, undefined)).status).toBeLessThan(400)
    expect((await run(endpoint, 'wrong')).status).toBeLessThan(400)
    // Some programs name the length of a body that is not there.
    const { target } = endpoint.example
    const empty = await cluster.ask(undefined, target, { headers: { 'content-length': '0' } })
    expect(empty.status).toBeLessThan(400)
  },
)

describe.each(guarded)('%s', (id, endpoint) => {
  const { access, method } = endpoint
  const isHead = method === 'HEAD'

  test('is closed without a token, and with a wrong one', async () => {
    for (const token of [undefined, 'wrong', `${ROOT_TOKEN}x`, ROOT_TOKEN.slice(0, -1)]) {
      const answer = await run(endpoint, token)
      expect([answer.status, codeOf(answer)]).toEqual([
        401,
        isHead ? 'a problem' : 'unauthenticated',
      ])
      expect(answer.headers['www-authenticate']).toBe('Bearer')
    }
  })

  test('is closed to other schemes, to several tokens, and to a token in the query', async () => {
    for (const authorization of [
      `Basic ${ROOT_TOKEN}`,
      ROOT_TOKEN,
      'Bearer',
      `Bearer ${ROOT_TOKEN} ${ROOT_TOKEN}`,
      `Bearer ${ROOT_TOKEN},${ROOT_TOKEN}`,
      `Bearer "${ROOT_TOKEN}"`,
    ]) {
      const { target, headers = {}, body } = endpoint.example
      const answer = await cluster.ask(undefined, target, {
        method,
        headers: { ...headers, authorization },
        ...(body === undefined ? {} : { body }),
      })
      expect([authorization, answer.status]).toEqual([authorization, 401])
    }
  })

  if (!ANY_TOKEN.includes(id)) {
    test('is closed to a token for other buckets', async () => {
      const answer = await run(endpoint, elsewhere)
      expect([answer.status, codeOf(answer)]).toEqual([403, isHead ? 'a problem' : 'forbidden'])
    })
  }

  if (access.needs === 'read' || access.needs === 'write' || access.needs === 'admin') {
    test('is closed to a token that has all other rights, and says which right is needed', async () => {
      const answer = await run(endpoint, narrow[access.needs])
      expect(answer.status).toBe(403)
      if (!isHead) expect(answer.text).toContain(wordsOfRule(access))
    })
  }

  test('is open to the root token', async () => {
    const { status } = await run(endpoint, ROOT_TOKEN)
    if (REFUSED_EXAMPLES.includes(id)) expect(status).toBe(409)
    else expect(status).toBeLessThan(300)
    if (id === 'deleteValue' || id === 'deleteBucket') {
      for (const one of ENDPOINTS) if (one.method === 'PUT') await run(one, ROOT_TOKEN)
    }
  })
})

test('a path or a method that is not there is told to everybody alike', async () => {
  for (const path of ['/v1', '/v2/kv/default/k', '/v1/buckets/a/b', '/V1/buckets']) {
    expect([path, codeOf(await cluster.ask(undefined, path))]).toEqual([path, 'path_unknown'])
  }
  // A stranger's request that may change something gets no further than this.
  expect(codeOf(await cluster.ask(undefined, '/v1/kv/default/k', { method: 'PATCH' }))).toBe(
    'unauthenticated',
  )
  expect(codeOf(await cluster.ask(elsewhere, '/v1/kv/default/k', { method: 'PATCH' }))).toBe(
    'method_not_allowed',
  )
})
