/** A web page of another origin, or under another name than this node's, can neither change nor read anything. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../api/test-cluster.ts'

const ALLOWED = 'https://app.example'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1, {
    QUORATE_ALLOWED_ORIGINS: ALLOWED,
    QUORATE_ALLOWED_HOSTS: 'kv.example,*.quorate.svc',
  })
  const body = '{"mode":"counter"}'
  await cluster.request(0, '/v1/buckets/visits', { method: 'PUT', body })
})

afterAll(() => cluster.stop())

async function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body = 'x',
): Promise<TestAnswer> {
  return cluster.request(0, path, method === 'GET' ? { headers } : { method, headers, body })
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const FOREIGN: readonly Record<string, string>[] = [
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'http://localhost:1' },
  { origin: `${ALLOWED}.evil.example` },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
]

test.each(FOREIGN)('browser pages: a change from a foreign one is refused: %o', async (from) => {
  const headers = { ...FORM, ...from }
  for (const [method, path, body] of [
    ['PUT', '/v1/kv/default/page', 'x'],
    ['DELETE', '/v1/kv/default/page', ''],
    ['POST', '/v1/kv/visits/page', '{"increment":1}'],
    ['PUT', '/v1/buckets/page', '{}'],
    ['POST', '/v1/cluster/apply', '{"remove":"n1"}'],
    ['POST', '/v1/cluster/hints/sync', ''],
  ] as const) {
    const { status, text } = await send(method, path, headers, body)
    expect([path, status, JSON.parse(text)]).toMatchObject([
      path,
      403,
      { code: 'cross_origin', outcome: 'rejected' },
    ])
  }
  for (const path of ['/v1/kv/default/page', '/v1/kv/visits/page', '/v1/buckets/page']) {
    expect((await send('GET', path, from)).status).toBe(404)
  }
})

test("browser pages: a change from the node's own origin, or from an allowed one, is taken", async () => {
  const host = `127.0.0.1:${cluster.nodes[0]?.clientPort}`
  for (const headers of [
    { origin: `http://${host}` },
    { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
    { origin: ALLOWED, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    // Behind a proxy that ends TLS.
    { host: 'kv.example', origin: 'https://kv.example', 'sec-fetch-site': 'same-origin' },
  ]) {
    expect((await send('PUT', '/v1/kv/default/own', headers as never)).status).toBe(204)
  }
})

test.each([
  'evil.example',
  'evil.example:8001',
  'xkv.example',
  'quorate.svc',
  'localhost.evil.example',
])('browser pages: a host that is not allowed is not served: %s', async (host) => {
  for (const path of ['/v1/kv/default/own', '/v1/cluster', '/', '/metrics']) {
    const { status, text } = await send('GET', path, { host })
    expect([status, JSON.parse(text)]).toMatchObject([421, { code: 'host_not_allowed' }])
  }
  expect((await send('PUT', '/v1/kv/default/rebound', { host })).status).toBe(421)
})

test.each([
  'kv.example',
  'KV.example:443',
  'kv.example.',
  'n1.quorate.svc:8080',
  'localhost:8001',
  '10.0.0.7:8080',
  '[::1]:8080',
])('browser pages: a host that is allowed, or an address, is served: %s', async (host) => {
  for (const path of ['/v1/cluster', '/livez', '/readyz', '/metrics']) {
    expect((await send('GET', path, { host })).status).toBe(200)
  }
})
