/** Limits of requests at a real node: of each token, and of strangers. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import type { TestAnswer } from '../test-cluster.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

const ALL = { bucket: '*', prefix: '', rights: ['read', 'write'] } as const
/** So many requests at once take less than a second for each that is allowed. */
const MANY = 40
const PATH = '/v1/kv/default/k'

let cluster: GuardedCluster

afterEach(() => cluster.stop())

function many(token: string | undefined): Promise<TestAnswer[]> {
  return Promise.all(Array.from({ length: MANY }, () => cluster.ask(token, PATH)))
}

function expectLimited(answer: TestAnswer): void {
  expect(codeOf(answer)).toBe('rate_limited')
  expect(answer.status).toBe(429)
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  expect(JSON.parse(answer.text)).toMatchObject({ outcome: 'rejected', retryable: true })
}

async function limited(limit: string): Promise<number> {
  const { text } = await cluster.ask(ROOT_TOKEN, '/metrics')
  const line = new RegExp(`^quorate_rate_limited_total\\{limit="${limit}"\\} (\\d+)$`, 'm')
  return Number(line.exec(text)?.[1] ?? 0)
}

test('a token sends so many requests a second, and the others as many', async () => {
  cluster = await startGuarded(1, { QUORATE_TOKEN_REQUESTS_PER_SECOND: '2' })
  const [one, other] = [await cluster.token('one', ALL), await cluster.token('other', ALL)]
  const answers = await many(one)
  const refused = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 404).length).toBeGreaterThanOrEqual(2)
  expect(refused.length).toBeGreaterThan(0)
  expectLimited(refused[0] as TestAnswer)
  expect((await cluster.ask(other, PATH)).status).toBe(404)
  expect(await limited('rate')).toBe(refused.length)
  // The operator gets in, and nothing of a refused write is applied.
  for (const { status } of await many(ROOT_TOKEN)) expect(status).toBe(404)
})

test('a batch counts as its operations', async () => {
  cluster = await startGuarded(1, { QUORATE_TOKEN_REQUESTS_PER_SECOND: '1' })
  const token = await cluster.token('batches', ALL)
  const get = { op: 'get', bucket: 'default', key: 'k' }
  const operations = Array.from({ length: 100 }, () => get)
  const body = JSON.stringify({ operations })
  expect((await cluster.ask(token, '/v1/batch', { method: 'POST', body })).status).toBe(200)
  const next = await cluster.ask(token, PATH)
  expectLimited(next)
  expect(Number(next.headers['retry-after'])).toBeGreaterThan(50)
})

test('if the heads of batches come first, only one batch runs', async () => {
  cluster = await startGuarded(1, { QUORATE_TOKEN_REQUESTS_PER_SECOND: '5' })
  const token = await cluster.token('batches', ALL)
  const operations = Array.from({ length: 128 }, (_, at) => {
    return { op: 'put', bucket: 'default', key: `k${at}`, value: 'x' }
  })
  const body = JSON.stringify({ operations })
  const heads = await Promise.all(Array.from({ length: 5 }, () => headOfBatch(token)))
  const statuses = await Promise.all(heads.map((send) => send(body)))
  expect(statuses.sort((a, b) => a - b)).toEqual([200, 429, 429, 429, 429])
  expect(await limited('rate')).toBe(4)
})

/** Sends the head of a batch, and resolves once the node has admitted it. The function sends the body. */
async function headOfBatch(token: string): Promise<(body: string) => Promise<number>> {
  const { clientPort: port } = cluster.nodes[0] as { clientPort: number }
  const sent = request({
    port,
    host: '127.0.0.1',
    path: '/v1/batch',
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      expect: '100-continue',
    },
  })
  const answered = once(sent, 'response')
  sent.flushHeaders()
  await once(sent, 'continue')
  return async (body) => {
    sent.end(body)
    const [answer] = (await answered) as [IncomingMessage]
    answer.resume()
    return answer.statusCode ?? 0
  }
}

test('a token may have a limit of its own', async () => {
  cluster = await startGuarded(1)
  const made = await cluster.ask(ROOT_TOKEN, '/v1/access/tokens', {
    method: 'POST',
    body: JSON.stringify({ name: 'slow', grants: [ALL], requestsPerSecond: 1 }),
  })
  expect(made.status).toBe(201)
  const { token, ...info } = JSON.parse(made.text) as Record<string, unknown>
  expect(info).toMatchObject({ name: 'slow', requestsPerSecond: 1 })
  const free = await cluster.token('free', ALL)
  expect((await many(String(token))).some(({ status }) => status === 429)).toBe(true)
  for (const { status } of await many(free)) expect(status).toBe(404)
  const { text } = await cluster.ask(ROOT_TOKEN, '/v1/access/tokens')
  expect(JSON.parse(text)).toMatchObject({
    tokens: [
      { name: 'free', requestsPerSecond: null },
      { name: 'slow', requestsPerSecond: 1 },
    ],
  })
  for (const requestsPerSecond of [0, 1.5, 'x', 1_000_001]) {
    const body = JSON.stringify({ name: 'bad', grants: [ALL], requestsPerSecond })
    const answer = await cluster.ask(ROOT_TOKEN, '/v1/access/tokens', { method: 'POST', body })
    expect(codeOf(answer)).toBe('bad_parameter')
  }
})

test('a token has so many requests in progress, and a watch is one until it ends', async () => {
  cluster = await startGuarded(1, { QUORATE_TOKEN_INFLIGHT_REQUESTS: '2' })
  const token = await cluster.token('watcher', ALL)
  const { clientPort } = cluster.nodes[0] as { clientPort: number }
  const open = (end: AbortController): Promise<Response> =>
    fetch(`http://127.0.0.1:${clientPort}/v1/watch/default`, {
      headers: { authorization: `Bearer ${token}` },
      signal: end.signal,
    })
  const ends = [new AbortController(), new AbortController()] as const
  for (const end of ends) expect((await open(end)).status).toBe(200)
  const third = await cluster.ask(token, PATH)
  expectLimited(third)
  expect(await limited('in flight')).toBe(1)
  ends[0].abort()
  await expect.poll(async () => (await cluster.ask(token, PATH)).status).toBe(404)
  // It has ended by itself, so its place is free.
  expect((await cluster.ask(token, PATH)).status).toBe(404)
  ends[1].abort()
})

test('a stranger is told only so often that his token is wrong', async () => {
  cluster = await startGuarded(1, { QUORATE_STRANGER_REQUESTS_PER_SECOND: '2' })
  const valid = await cluster.token('valid', ALL)
  for (const token of ['wrong', undefined]) {
    const answers = await many(token)
    const codes = new Set(answers.map(codeOf))
    expect(codes.has('rate_limited')).toBe(true)
    for (const code of codes) expect(['unauthenticated', 'rate_limited']).toContain(code)
    const refused = answers.find(({ status }) => status === 429) as TestAnswer
    expectLimited(refused)
    // A client with a bad token may get no other answer than this one.
    expect(refused.text).toContain('This one has no valid token either.')
  }
  const body = 'x'
  const writes = Array.from({ length: MANY }, () =>
    cluster.ask('wrong', PATH, { method: 'PUT', body }),
  )
  expect((await Promise.all(writes)).some(({ status }) => status === 429)).toBe(true)
  // Others at the same address are not held up.
  for (const { status } of await many(valid)) expect(status).toBe(404)
  for (const { status } of await Promise.all(
    Array.from({ length: MANY }, () => cluster.ask(undefined, '/livez')),
  )) {
    expect(status).toBe(200)
  }
})
