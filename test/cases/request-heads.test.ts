/** Requests that are wrong in their head get a problem document, change nothing, and leave the node well. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
  await cluster.request(0, '/v1/kv/default/s', { method: 'PUT', body: 'secret' })
})

afterAll(() => cluster.stop())

/** What came back until the first answer was there, or the connection ended. */
async function exchange(bytes: string): Promise<string> {
  const socket = connect(cluster.nodes[0]?.clientPort as number, '127.0.0.1')
  let answer = ''
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      answer += data.toString('latin1')
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      const bytesToCome = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
      if (answer.includes('\r\n\r\n') && body.length >= bytesToCome) resolve()
    })
  })
  socket.write(bytes)
  await Promise.race([answered, once(socket, 'close')])
  socket.destroy()
  return answer
}

function expectProblem(answer: string, code: ErrorCode): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const { status, outcome } = ERRORS[code]
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(head).toContain('Content-Type: application/problem+json')
  const requestId = /^X-Request-Id: (.*)$/m.exec(head)?.[1]
  expect(JSON.parse(body)).toMatchObject({ status, code, outcome, requestId })
}

const HOST = 'Host: a\r\n'

test.each<[what: string, bytes: string, code: ErrorCode]>([
  ['no Host', 'GET /livez HTTP/1.1\r\n\r\n', 'bad_request'],
  ['two Hosts', `GET /livez HTTP/1.1\r\n${HOST}host: b\r\n\r\n`, 'bad_request'],
  ['an empty Host', 'GET /livez HTTP/1.1\r\nHost:\r\n\r\n', 'bad_request'],
  ['a Host that is none', 'GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n', 'bad_request'],
  [
    'an unknown expectation',
    `GET /livez HTTP/1.1\r\n${HOST}Expect: cake\r\n\r\n`,
    'expectation_failed',
  ],
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`, 'method_not_allowed'],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 'path_unknown'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'bad_request'],
  ['a target of another scheme', `GET ftp://a/livez HTTP/1.1\r\n${HOST}\r\n`, 'path_unknown'],
])('request heads: %s is a problem', async (_what, bytes, code) => {
  expectProblem(await exchange(bytes), code)
  expect((await cluster.request(0, '/readyz')).status).toBe(200)
})

test.each<[target: string, code: ErrorCode]>([
  ['/v1/kv?default/s', 'bad_bucket'],
  ['/v1/kv#default/s', 'bad_bucket'],
  ['/v1/kv/#/s', 'bad_bucket'],
  ['/v1/kv/?default/s', 'bad_bucket'],
  ['/v1/kv//default/s', 'bad_bucket'],
  ['/v1/kv/./default/s', 'bad_bucket'],
  ['/v1/kv%2Fdefault/s', 'bad_request'],
  ['/v1/k%76/default/s', 'bad_request'],
  ['/v1/%6bv?default/s', 'bad_request'],
  ['/v1/kv;v=1/default/s', 'path_unknown'],
  ['//v1/kv/default/s', 'path_unknown'],
  ['/v1//kv/default/s', 'path_unknown'],
  ['/v1/./kv/default/s', 'path_unknown'],
  ['/x/../v1/kv/default/s', 'path_unknown'],
  ['/V1/kv/default/s', 'path_unknown'],
  ['http://a/v1/kv?default/s', 'bad_bucket'],
  ['/v1/kv/default/s#', 'bad_key'],
  ['/v1/buckets#', 'bad_request'],
  ['/v1/b%75ckets', 'bad_request'],
])('request heads: a key has no other spelling: %s', async (target, code) => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const length = method === 'PUT' ? 'Content-Length: 1\r\n\r\nx' : '\r\n'
    expectProblem(await exchange(`${method} ${target} HTTP/1.1\r\n${HOST}${length}`), code)
  }
  expect((await cluster.request(0, '/v1/kv/default/s')).text).toBe('secret')
})

test('request heads: an empty path is /, whatever the query looks like', async () => {
  const target = 'http://a?/v1/kv/default/s'
  const answer = await exchange(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toContain('"name":"quorate"')
  for (const change of ['PUT', 'DELETE']) {
    const head = `${change} ${target} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`
    expectProblem(await exchange(head), 'method_not_allowed')
  }
  expect((await cluster.request(0, '/v1/kv/default/s')).text).toBe('secret')
})

test('request heads: the host of a target in absolute form is what counts', async () => {
  const path = '/v1/kv/default/s'
  const answer = await exchange(`GET http://b${path} HTTP/1.1\r\n${HOST}\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  const change = `PUT http://b${path} HTTP/1.1\r\n${HOST}Origin: http://a\r\nContent-Length: 1\r\n\r\nx`
  expectProblem(await exchange(change), 'cross_origin')
})

test('request heads: an empty Content-Type counts as none', async () => {
  const bytes = `PUT /v1/kv/default/e HTTP/1.1\r\n${HOST}Content-Type:\r\nContent-Length: 1\r\n\r\nx`
  expect(await exchange(bytes)).toMatch(/^HTTP\/1\.1 204 /)
  const { headers } = await cluster.request(0, '/v1/kv/default/e')
  expect(headers['content-type']).toBe('application/octet-stream')
})

test.each(['default', 'latest', 'strong'])(
  'request heads: a part of a value is not written: %s',
  async (bucket) => {
    const path = `/v1/kv/${bucket}/whole`
    await cluster.request(0, path, { method: 'PUT', body: 'foobar' })
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const headers = { 'content-range': 'bytes 3-5/6' }
      const { status, text } = await cluster.request(0, path, { method, headers, body: 'bar' })
      expect([status, JSON.parse(text)]).toMatchObject([
        400,
        { code: 'partial_write', outcome: 'rejected' },
      ])
    }
    expect((await cluster.request(0, path)).text).toBe('foobar')
  },
)
