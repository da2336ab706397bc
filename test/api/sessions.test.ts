/** Sessions over HTTP: the header goes from answer to request, through any node, at any level. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster.stop())

const put = (
  node: number,
  key: string,
  body: string,
  session?: string,
  level = 'causal',
): Promise<TestAnswer> =>
  cluster.request(node, `/v1/kv/default/${key}?consistency=${level}`, {
    method: 'PUT',
    body,
    headers: session === undefined ? {} : { 'quorate-session': session },
  })
const get = (node: number, path: string, session?: string): Promise<TestAnswer> =>
  cluster.request(node, path, {
    headers: session === undefined ? {} : { 'quorate-session': session },
  })
const sessionOf = ({ headers }: TestAnswer): string => headers['quorate-session'] as string

test('sessions: a causal answer has a session, others only where they were given one', async () => {
  const written = await put(0, 'a', '1')
  expect([written.status, written.headers['quorate-consistency']]).toEqual([204, 'causal'])
  expect(sessionOf(written)).toMatch(/^[\w-]+$/)
  const plain = await put(0, 'a', '2', undefined, 'quorum')
  expect(plain.headers).not.toHaveProperty('quorate-session')
  const mixed = await put(0, 'a', '3', sessionOf(written), 'quorum')
  expect([mixed.status, sessionOf(mixed)]).toEqual([204, expect.any(String)])
  expect(sessionOf(mixed)).not.toBe(sessionOf(written))
  const absent = await get(1, '/v1/kv/default/nothing?consistency=causal', sessionOf(mixed))
  expect([absent.status, sessionOf(absent)]).toEqual([404, expect.any(String)])
})

test('sessions: each write is read through every other node at once', async () => {
  let session: string | undefined
  for (let i = 0; i < 60; i++) {
    const written = await put(i % 3, `k${i % 5}`, String(i), session)
    expect(written.status).toBe(204)
    session = sessionOf(written)
    const read = await get((i + 1) % 3, `/v1/kv/default/k${i % 5}?consistency=causal`, session)
    expect([read.status, read.text]).toEqual([200, String(i)])
    session = sessionOf(read)
  }
})

test('sessions: whatever a read answers, it goes on with its session', async () => {
  const path = '/v1/kv/default/forms?consistency=causal'
  const first = await put(0, 'forms', '1')
  const read = await get(1, path, sessionOf(first))
  const ask = (method: string, headers: Record<string, string> = {}, query = '') =>
    cluster.request(2, path + query, {
      method,
      headers: { 'quorate-session': sessionOf(read), ...headers },
    })
  const unchanged = await ask('GET', { 'if-none-match': read.headers['etag'] as string })
  const head = await ask('HEAD')
  const noSibling = await ask('GET', {}, '&sibling=none')
  const newest = await ask('GET', {}, '&resolve=lww')
  const deleted = await ask('DELETE', { 'quorate-context': read.headers['quorate-context'] ?? '' })
  const gone = await get(1, path, sessionOf(deleted))
  const answers = [unchanged, head, noSibling, newest, deleted, gone]
  expect(answers.map(({ status }) => status)).toEqual([304, 200, 404, 200, 204, 404])
  for (const answer of answers) expect(sessionOf(answer)).toMatch(/^[\w-]+$/)
  const twice = await get(1, path, `${sessionOf(gone)}, ${sessionOf(gone)}`)
  expect([twice.status, JSON.parse(twice.text)]).toMatchObject([400, { code: 'bad_session' }])
})

test('sessions: counters take part', async () => {
  const made = await cluster.request(0, '/v1/buckets/visits', {
    method: 'PUT',
    body: '{"mode":"counter"}',
    headers: { 'content-type': 'application/json' },
  })
  expect(made.status).toBe(201)
  let session: string | undefined
  for (let i = 1; i <= 9; i++) {
    const added = await cluster.request(i % 3, '/v1/kv/visits/k?consistency=causal', {
      method: 'POST',
      body: '{"increment":1}',
      headers: {
        'content-type': 'application/json',
        ...(session === undefined ? {} : { 'quorate-session': session }),
      },
    })
    expect(added.status).toBe(204)
    const read = await get((i + 1) % 3, '/v1/kv/visits/k?consistency=causal', sessionOf(added))
    expect(JSON.parse(read.text)).toEqual({ value: i })
    session = sessionOf(read)
  }
})

test.each([
  ['', 'it is not base64url'],
  ['made up', 'it is not base64url'],
  ['AAAA', 'it is too short'],
  [`AQ${'A'.repeat(60)}`, 'not given by this cluster'],
])('sessions: the token %j is refused, at any level', async (token, why) => {
  for (const level of ['causal', 'quorum', 'weak']) {
    const written = await put(0, 'refused', 'x', token, level)
    expect(JSON.parse(written.text)).toMatchObject({
      code: 'bad_session',
      status: 400,
      outcome: 'rejected',
      detail: expect.stringContaining(why) as string,
    })
  }
  expect((await get(1, '/v1/kv/default/refused?consistency=all')).status).toBe(404)
})

test('sessions: the key that seals them is shown to nobody', async () => {
  const key = cluster.nodes[0]?.service.topology().sessionKey
  expect(key).toMatch(/^[0-9a-f]{64}$/)
  expect(cluster.nodes.map(({ service }) => service.topology().sessionKey)).toEqual([key, key, key])
  for (const path of [
    '/v1/cluster',
    '/v1/buckets',
    '/metrics',
    '/v1/cluster/ring?bucket=default&key=a',
    '/readyz?verbose',
  ]) {
    expect((await get(0, path)).text).not.toContain(key)
  }
})
