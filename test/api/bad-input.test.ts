/** What is wrong with a request is said in a problem document, and the node goes on. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { startCluster, type TestCluster, type TestRequest } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1, { QUORATE_MAX_VALUE_BYTES: '1000' })
})

afterAll(() => cluster.stop())

const PUT = { method: 'PUT', body: 'x' }
const withHeaders = (headers: Record<string, string>): TestRequest => ({ ...PUT, headers })

test.each<[what: string, path: string, request: TestRequest, code: ErrorCode, words: string]>([
  [
    'a level that does not exist',
    '/v1/kv/default/k?consistency=sometimes',
    {},
    'bad_parameter',
    'weak, eventual, causal, quorum, all',
  ],
  [
    'a level the bucket does not allow',
    '/v1/kv/latest/k?consistency=strong',
    {},
    'bad_parameter',
    'weak, eventual, causal, quorum, all',
  ],
  ['r=9', '/v1/kv/default/k?r=9', {}, 'bad_parameter', '1 to 1'],
  ['an unknown parameter', '/v1/kv/default/k?quorum=2', {}, 'bad_parameter', 'consistency, r, w'],
  [
    'a key of 2000 bytes',
    `/v1/kv/default/${'k'.repeat(2000)}`,
    PUT,
    'bad_key',
    '2000 bytes; at most 1024',
  ],
  ['a broken percent-encoding', '/v1/kv/default/%zz', {}, 'bad_key', 'percent-encoded'],
  ['a key that is not UTF-8', '/v1/kv/default/%ff', {}, 'bad_key', 'UTF-8'],
  ['a broken encoding elsewhere', '/v1/buckets/%zz', {}, 'bad_request', 'percent-encoding'],
  ['no key', '/v1/kv/default/', {}, 'bad_key', 'empty'],
  ['no bucket', '/v1/kv', {}, 'bad_bucket', '/v1/kv/{bucket}/{key}'],
  ['a bucket name that cannot be', '/v1/kv/Default/k', {}, 'bad_bucket', 'a-z'],
  ['a bucket name of 600 characters', `/v1/buckets/${'b'.repeat(600)}`, {}, 'bad_bucket', '63'],
  ['an unknown bucket', '/v1/kv/nobody/k', {}, 'bucket_unknown', 'PUT /v1/buckets/nobody'],
  [
    'a plain write of a strong key',
    '/v1/kv/strong/k?consistency=quorum',
    PUT,
    'bad_parameter',
    'allowed: strong.',
  ],
  [
    'a count of copies for a strong read',
    '/v1/kv/strong/k?consistency=strong&r=1',
    {},
    'bad_parameter',
    'weaker level',
  ],
  [
    'a context for a strong key',
    '/v1/kv/strong/k',
    withHeaders({ 'quorate-context': 'x' }),
    'mode_mismatch',
    'If-Match',
  ],
  [
    'a tag without quotes',
    '/v1/kv/strong/k',
    withHeaders({ 'if-match': 'abc' }),
    'bad_request',
    'in quotes',
  ],
  [
    'two conditions',
    '/v1/kv/strong/k',
    withHeaders({ 'if-match': '"a"', 'if-none-match': '*' }),
    'bad_request',
    'exclude each other',
  ],
  [
    'a value that is too large',
    '/v1/kv/default/k',
    { method: 'PUT', body: Buffer.alloc(1001) },
    'value_too_large',
    '1001 bytes; at most 1000',
  ],
  [
    'a value of 2 MiB',
    '/v1/kv/default/k',
    { method: 'PUT', body: Buffer.alloc(2 ** 21) },
    'value_too_large',
    'at most 1000',
  ],
  [
    'a context that never was one',
    '/v1/kv/default/k',
    withHeaders({ 'quorate-context': 'AAAA' }),
    'bad_context',
    'Quorate-Context',
  ],
  [
    'a type that is none',
    '/v1/kv/default/k',
    withHeaders({ 'content-type': 'text' }),
    'unsupported_media_type',
    'Content-Type',
  ],
  [
    'a type that is too long',
    '/v1/kv/default/k',
    withHeaders({ 'content-type': `a/b;c=${'d'.repeat(300)}` }),
    'unsupported_media_type',
    'at most 255',
  ],
  [
    'an encoded value',
    '/v1/kv/default/k',
    withHeaders({ 'content-encoding': 'gzip' }),
    'unsupported_media_type',
    'Content-Encoding',
  ],
  [
    'a long idempotency key',
    '/v1/kv/default/k',
    withHeaders({ 'idempotency-key': 'x'.repeat(256) }),
    'bad_request',
    '1 to 255',
  ],
  [
    'If-Match',
    '/v1/kv/default/k',
    withHeaders({ 'if-match': '"a"' }),
    'mode_mismatch',
    'mode strong',
  ],
  [
    'If-None-Match on a write',
    '/v1/kv/latest/k',
    withHeaders({ 'if-none-match': '*' }),
    'mode_mismatch',
    'mode strong',
  ],
  [
    'an update of a plain value',
    '/v1/kv/default/k',
    { method: 'POST', body: '{"increment":1}' },
    'mode_mismatch',
    'use PUT',
  ],
  [
    'a rare method',
    '/v1/kv/default/k',
    { method: 'PROPFIND' },
    'method_not_allowed',
    'DELETE, GET, HEAD, POST, PUT',
  ],
  [
    'a delete where there is none',
    '/v1/cluster',
    { method: 'DELETE' },
    'method_not_allowed',
    'GET',
  ],
  ['an unknown path', '/v2/kv/default/k', {}, 'path_unknown', '/v2/kv/default/k'],
  ['an unknown problem', '/problems/none', {}, 'path_unknown', ''],
  [
    'a mode that does not exist',
    '/v1/buckets/b',
    { method: 'PUT', body: '{"mode":"firm"}' },
    'bad_parameter',
    'siblings, lww, strong',
  ],
  [
    'a strong bucket of another level',
    '/v1/buckets/b',
    { method: 'PUT', body: '{"mode":"strong","consistency":"quorum"}' },
    'bad_parameter',
    'must be strong',
  ],
  [
    'a bucket of more copies than nodes',
    '/v1/buckets/b',
    { method: 'PUT', body: '{"n":2}' },
    'bad_parameter',
    'from 1 to 1',
  ],
  [
    'a bucket of no JSON',
    '/v1/buckets/b',
    { method: 'PUT', body: '{mode}' },
    'bad_request',
    'not JSON',
  ],
  [
    'a bucket of other JSON',
    '/v1/buckets/b',
    { method: 'PUT', body: '[]' },
    'bad_request',
    'JSON object',
  ],
  [
    'a bucket in XML',
    '/v1/buckets/b',
    { method: 'PUT', body: '<b/>', headers: { 'content-type': 'text/xml' } },
    'unsupported_media_type',
    'text/xml',
  ],
  [
    'a bucket that exists otherwise',
    '/v1/buckets/latest',
    { method: 'PUT', body: '{"mode":"siblings"}' },
    'bucket_conflict',
    'mode',
  ],
  ['a listing of an unknown bucket', '/v1/keys/nobody', {}, 'bucket_unknown', ''],
  ['a listing without a limit', '/v1/keys/default?limit=0', {}, 'bad_parameter', '1 to 1000'],
  [
    'a ring without a key',
    '/v1/cluster/ring?bucket=default',
    {},
    'bad_parameter',
    '/v1/cluster/ring',
  ],
  [
    'headers of 70 KB',
    '/v1/kv/default/k',
    { headers: { 'x-long': 'a'.repeat(70_000) } },
    'headers_too_large',
    '65536 bytes',
  ],
])('bad input: %s', async (_what, path, request, code, words) => {
  const { status, headers, text } = await cluster.request(0, path, request)
  const { status: expected, outcome } = ERRORS[code]
  expect(headers['content-type']).toBe('application/problem+json')
  const problem = JSON.parse(text) as { detail: string }
  expect(problem).toMatchObject({
    type: `/problems/${code}`,
    status: expected,
    code,
    outcome,
    retryable: false,
    requestId: headers['x-request-id'],
  })
  expect(status).toBe(expected)
  expect(problem.detail).toContain(words)
  expect((await cluster.request(0, '/readyz')).status).toBe(200)
})

test('bad input: 405 names the methods in a header', async () => {
  const { headers } = await cluster.request(0, '/v1/kv/default/k', { method: 'PATCH' })
  expect(headers['allow']).toBe('DELETE, GET, HEAD, POST, PUT')
})

test('bad input: the context of another key', async () => {
  const { headers } = await cluster.request(0, '/v1/kv/default/mine', PUT)
  const context = { 'quorate-context': String(headers['quorate-context']) }
  const other = await cluster.request(0, '/v1/kv/default/yours', withHeaders(context))
  expect([other.status, JSON.parse(other.text)]).toMatchObject([400, { code: 'bad_context' }])
  const same = await cluster.request(0, '/v1/kv/default/mine', withHeaders(context))
  expect(same.status).toBe(204)
})

test('bad input: the type of a problem leads to its entry', async () => {
  const { text } = await cluster.request(0, '/v1/kv/default/absent')
  const { type, title } = JSON.parse(text) as { type: string; title: string }
  const entry = await cluster.request(0, type)
  expect([entry.status, JSON.parse(entry.text)]).toMatchObject([200, { code: 'key_absent', title }])
})

async function sendBytes(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => {
    answer += data.toString('latin1')
  })
  socket.end(bytes)
  await once(socket, 'close')
  return answer
}

test('bad input: what is not HTTP gets a problem and an end', async () => {
  const answer = await sendBytes(cluster.nodes[0]?.clientPort as number, 'garbage\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(answer).toContain('Content-Type: application/problem+json\r\n')
  expect(answer).toContain('"code":"bad_request"')
})

test('bad input: garbage on the peer port does not disturb the node', async () => {
  const port = cluster.nodes[0]?.peerPort as number
  await sendBytes(port, 'garbage\r\n\r\n')
  await sendBytes(port, '\u0000\u0001\u0002'.repeat(1000))
  expect((await cluster.request(0, '/readyz')).status).toBe(200)
})

test('bad input: a target in absolute form is understood', async () => {
  const head = 'GET http://elsewhere:1/v1/kv/default/absent?consistency=eventual HTTP/1.1'
  const bytes = `${head}\r\nHost: a\r\nConnection: close\r\n\r\n`
  const answer = await sendBytes(cluster.nodes[0]?.clientPort as number, bytes)
  expect(answer).toMatch(/^HTTP\/1\.1 404 /)
  expect(answer).toContain('"code":"key_absent"')
})

test('a client that goes on sending after its last answer is cut off', async () => {
  const port = cluster.nodes[0]?.clientPort as number
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write('this is no HTTP\r\n\r\n')
  await once(socket, 'data')
  const drip = setInterval(() => socket.write('x'), 100)
  await new Promise((resolve) => void socket.once('close', resolve))
  clearInterval(drip)
})
