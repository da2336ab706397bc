/** What a token with rights over a part of the store is shown, and what it is not. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestAnswer, TestRequest } from '../test-cluster.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

/** One after the other, they take much longer than it takes to revoke a token. */
const OPERATIONS = 128

let cluster: GuardedCluster
/** Reads and writes the keys of `default` that begin with `eu/`. */
let eu: string
/** Writes them, and reads nothing. */
let blind: string

beforeAll(async () => {
  cluster = await startGuarded(1)
  eu = await cluster.token('eu', { bucket: 'default', prefix: 'eu/', rights: ['read', 'write'] })
  blind = await cluster.token(
    'blind',
    { bucket: 'default', prefix: 'eu/', rights: ['write'] },
    { bucket: 'strong', prefix: '', rights: ['write'] },
    { bucket: 'counts', prefix: '', rights: ['write'] },
  )
  const made = await root('/v1/buckets/counts', { method: 'PUT', body: '{"mode":"counter"}' })
  expect(made.status).toBe(201)
  for (const key of ['eu/there', 'eu', 'eux', 'us/secret']) await put(ROOT_TOKEN, key, 'x')
})

afterAll(() => cluster.stop())

function root(path: string, request: TestRequest = {}): Promise<TestAnswer> {
  return cluster.ask(ROOT_TOKEN, path, request)
}

function put(
  token: string,
  key: string,
  body: string,
  more: TestRequest = {},
): Promise<TestAnswer> {
  return cluster.ask(token, `/v1/kv/default/${key}`, { method: 'PUT', body, ...more })
}

function batch(token: string, ...operations: readonly object[]): Promise<TestAnswer> {
  const body = JSON.stringify({ operations })
  return cluster.ask(token, '/v1/batch', { method: 'POST', body })
}

test('keys behind the prefix are read and written, in every spelling of it', async () => {
  expect((await cluster.ask(eu, '/v1/kv/default/eu/there')).text).toBe('x')
  expect((await cluster.ask(eu, '/v1/kv/default/eu%2Fthere')).text).toBe('x')
  expect((await cluster.ask(eu, '/v1/kv/default/%65u/there')).text).toBe('x')
  expect((await put(eu, 'eu/made', 'y')).status).toBe(204)
  expect((await cluster.ask(eu, '/v1/kv/default/eu/none')).status).toBe(404)
})

test.each([
  'eu',
  'eux',
  'us/secret',
  'us/none',
  'EU/there',
  'eu%252Fthere',
  '%2Feu/there',
  'us/../eu/there',
  '../default/eu/there',
  'e%CC%81u/there',
])('a key outside is 403: %s', async (key) => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
    const answer = await cluster.ask(eu, `/v1/kv/default/${key}`, {
      method,
      ...(method === 'PUT' ? { body: 'x' } : {}),
    })
    expect([method, answer.status]).toEqual([method, 403])
  }
})

test('a path inside the grant stays there: its dots are letters of the key', async () => {
  expect((await cluster.ask(eu, '/v1/kv/default/eu/../us/secret')).status).toBe(404)
})

test('other buckets are 403, whether they exist or not', async () => {
  const answers = await Promise.all(
    ['strong', 'counts', 'absent'].map((bucket) => cluster.ask(eu, `/v1/buckets/${bucket}`)),
  )
  for (const answer of answers) expect(codeOf(answer)).toBe('forbidden')
  const shown = answers.map(({ text }) => text.replace(/"requestId":"[^"]*"/, ''))
  expect(new Set(shown).size).toBe(1)
})

test('the list of buckets has those that a grant covers', async () => {
  const names = async (token: string): Promise<string[]> => {
    const { text } = await cluster.ask(token, '/v1/buckets')
    return (JSON.parse(text) as { buckets: { name: string }[] }).buckets.map(({ name }) => name)
  }
  expect(await names(eu)).toEqual(['default'])
  expect(await names(blind)).toEqual(['counts', 'default', 'strong'])
  expect(await names(ROOT_TOKEN)).toEqual(['counts', 'default', 'latest', 'strong'])
  expect((await cluster.ask(eu, '/v1/buckets/default')).status).toBe(200)
})

test('a list needs a prefix that the grant covers, and shows nothing else', async () => {
  for (const prefix of ['', '?prefix=', '?prefix=e', '?prefix=eu', '?prefix=us/', '?after=eu/']) {
    const path = `/v1/keys/default${prefix}`
    expect([path, (await cluster.ask(eu, path)).status]).toEqual([path, 403])
  }
  const { text } = await cluster.ask(eu, '/v1/keys/default?prefix=eu/')
  const keys = (JSON.parse(text) as { keys: { key: string }[] }).keys.map(({ key }) => key)
  expect(keys).toEqual(['eu/made', 'eu/there'])
  const after = await cluster.ask(eu, '/v1/keys/default?prefix=eu%2F&after=a')
  expect(after.text).toContain('eu/there')
  expect(after.text).not.toContain('us/')
  expect((await cluster.ask(blind, '/v1/keys/default?prefix=eu/')).status).toBe(403)
})

test('a watch needs a prefix that the grant covers', async () => {
  for (const query of ['', '?prefix=e', '?since=0']) {
    expect((await cluster.ask(eu, `/v1/watch/default${query}`)).status).toBe(403)
  }
  const { status } = await cluster.ask(eu, '/v1/watch/default?prefix=eu/&since=0', {
    method: 'HEAD',
  })
  expect(status).toBe(200)
})

test('a batch with one operation outside is refused as a whole', async () => {
  const refused = await batch(
    eu,
    { op: 'put', bucket: 'default', key: 'eu/batch', value: 'x' },
    { op: 'get', bucket: 'default', key: 'us/secret' },
  )
  expect(codeOf(refused)).toBe('forbidden')
  expect((await cluster.ask(eu, '/v1/kv/default/eu/batch')).status).toBe(404)
  const inside = await batch(
    eu,
    { op: 'put', bucket: 'default', key: 'eu/batch', value: 'x' },
    { op: 'get', bucket: 'default', key: 'eu/batch' },
  )
  const { answers } = JSON.parse(inside.text) as { answers: { status: number }[] }
  expect(answers.map(({ status }) => status)).toEqual([204, 200])
  expect(codeOf(await batch(eu, { op: 'get', bucket: '*', key: 'eu/' }))).toBe('forbidden')
})

test('a batch whose token is revoked while it runs writes nothing more, and says so', async () => {
  const token = await cluster.token('short-lived', {
    bucket: 'strong',
    prefix: 'batch/',
    rights: ['read', 'write'],
  })
  // Operations of one key run one after the other.
  const key = 'batch/k'
  const operations = Array.from({ length: OPERATIONS }, (_, i) => {
    return { op: 'put', bucket: 'strong', key, value: String(i) }
  })
  // A connection of its own, so that it holds up no other request.
  const url = `http://127.0.0.1:${cluster.nodes[0]?.clientPort}/v1/batch?timeout=60000`
  const running = fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ operations }),
  })
  const path = `/v1/kv/strong/${key}`
  await expect.poll(async () => (await root(path)).status, { interval: 1 }).toBe(200)
  expect((await root('/v1/access/tokens/short-lived', { method: 'DELETE' })).status).toBe(204)
  const after = Number((await root(path)).text)
  const { status, ...answer } = await running.then(async (response) => ({
    status: response.status,
    ...((await response.json()) as {
      answers: { status: number; problem?: { code: string; outcome: string } }[]
    }),
  }))
  expect(status).toBe(200)
  const done = answer.answers.filter((one) => one.status === 204).length
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(OPERATIONS)
  for (const one of answer.answers.slice(done)) {
    expect(one.status).toBe(401)
    expect(one.problem).toMatchObject({ code: 'unauthenticated', outcome: 'rejected' })
  }
  const last = Number((await root(path)).text)
  expect(last).toBe(done - 1)
  // One operation may have been under way when the token was revoked.
  expect(last - after).toBeLessThanOrEqual(1)
})

test('who may write and not read is told nothing of what is stored', async () => {
  const told = async (path: string, request: TestRequest): Promise<string[]> => {
    const { status, headers } = await cluster.ask(blind, path, request)
    expect([path, status]).toEqual([path, 204])
    return Object.keys(headers)
      .filter((name) => /^(quorate-|etag)/.test(name))
      .sort()
  }
  const plain = ['quorate-consistency', 'quorate-coordinator', 'quorate-quorum']
  for (const key of ['eu/there', 'eu/absent', 'eu/absent']) {
    const path = `/v1/kv/default/${key}`
    expect(await told(path, { method: 'PUT', body: 'z' })).toEqual(plain)
    expect(await told(path, { method: 'DELETE' })).toEqual(plain)
  }
  expect(await told('/v1/kv/strong/k', { method: 'PUT', body: 'z' })).toEqual(plain)
  const increment = { method: 'POST', body: '{"increment":1}' }
  expect(await told('/v1/kv/counts/k', increment)).toEqual(plain)
  expect((await cluster.ask(blind, '/v1/kv/counts/k')).status).toBe(403)
})

test('a write that would tell what is stored needs the right to read', async () => {
  for (const [path, headers] of [
    ['/v1/kv/strong/k', { 'if-match': '"0000000000000000"' }],
    ['/v1/kv/strong/k', { 'if-none-match': '*' }],
    ['/v1/kv/default/eu/k', { 'quorate-session': 'x' }],
    ['/v1/kv/default/eu/k?consistency=causal', {}],
    ['/v1/kv/default/eu/k?trace=true', {}],
  ] as const) {
    const answer = await cluster.ask(blind, path, {
      method: 'PUT',
      body: 'x',
      headers: { ...headers },
    })
    expect([path, codeOf(answer)]).toEqual([path, 'forbidden'])
  }
  const { text } = await batch(
    blind,
    { op: 'put', bucket: 'default', key: 'eu/there', value: 'x' },
    { op: 'put', bucket: 'strong', key: 'k', value: 'x', ifNoneMatch: '*' },
    { op: 'delete', bucket: 'default', key: 'eu/there' },
  )
  const { answers } = JSON.parse(text) as { answers: Record<string, unknown>[] }
  expect(answers.map(({ status }) => status)).toEqual([204, 403, 204])
  for (const member of ['etag', 'context', 'siblingCount', 'existed']) {
    expect(answers[0]).not.toHaveProperty(member)
    expect(answers[2]).not.toHaveProperty(member)
  }
})

test('a session token does not show the keys that a value depends on', async () => {
  const secret = 'us/dependency-with-a-long-name'
  const first = await put(ROOT_TOKEN, `${secret}?consistency=causal`, 'cause')
  const session = first.headers['quorate-session'] ?? ''
  const path = 'eu/effect?consistency=causal'
  await put(ROOT_TOKEN, path, 'effect', { headers: { 'quorate-session': session } })
  const read = await cluster.ask(eu, `/v1/kv/default/${path}`)
  expect(read.status).toBe(200)
  for (const token of [session, read.headers['quorate-session'] ?? '']) {
    expect(token).not.toBe('')
    const bytes = Buffer.from(token, 'base64url')
    expect(bytes.includes('dependency')).toBe(false)
    expect(bytes.includes('default')).toBe(false)
  }
})
