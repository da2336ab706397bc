/** Values over HTTP at one real node: every status and header of a single value and of siblings. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1, { QUORATE_BUCKETS: 'short=siblings;ttl=3600' })
})

afterAll(() => cluster.stop())

const get = (path: string, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  cluster.request(0, `/v1/kv/${path}`, { headers })
const put = (
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<TestAnswer> => cluster.request(0, `/v1/kv/${path}`, { method: 'PUT', body, headers })
const del = (path: string, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  cluster.request(0, `/v1/kv/${path}`, { method: 'DELETE', headers })

/** Two concurrent writes, `left` then `right`: both replace what was there before. */
async function fork(
  key: string,
  left: string | Buffer,
  right: string | Buffer,
): Promise<TestAnswer> {
  const { headers } = await put(`default/${key}`, 'base')
  const seen = {
    'quorate-context': String(headers['quorate-context']),
    'content-type': 'text/plain',
  }
  await put(`default/${key}`, left, seen)
  return put(`default/${key}`, right, seen)
}

test('values: a put answers 204 and says how it went', async () => {
  const { status, headers, text } = await put('default/first', 'world')
  expect(status).toBe(204)
  expect(text).toBe('')
  expect(headers).toMatchObject({
    'quorate-siblings': '1',
    'quorate-quorum': 'need=1, got=1, hinted=0',
    'quorate-coordinator': 'n1',
    'quorate-consistency': 'quorum',
    'quorate-context': expect.stringMatching(/^[A-Za-z0-9_-]+$/) as string,
    'x-request-id': expect.stringMatching(/^n1-/) as string,
  })
})

test('values: a get gives the bytes back with their type, their tag and no room for a browser', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128])
  await put('default/bytes', bytes, { 'content-type': 'image/x-odd; a=b' })
  const { status, headers, body } = await get('default/bytes')
  expect(status).toBe(200)
  expect(body).toEqual(bytes)
  expect(headers).toMatchObject({
    'content-type': 'image/x-odd; a=b',
    'content-length': '5',
    etag: expect.stringMatching(/^"[0-9a-f]+"$/) as string,
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
    'quorate-siblings': '1',
    'quorate-quorum': 'need=1, got=1, hinted=0',
    'quorate-consistency': 'quorum',
  })
  const ageMs = Date.now() - Date.parse(String(headers['last-modified']))
  expect(ageMs).toBeGreaterThanOrEqual(0)
  expect(ageMs).toBeLessThan(60_000)
})

test('values: a head has the headers of a get, and no body', async () => {
  await put('default/head', 'world')
  const whole = await get('default/head')
  const head = await cluster.request(0, '/v1/kv/default/head', { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.text).toBe('')
  for (const name of ['etag', 'content-length', 'content-type', 'quorate-context']) {
    expect(head.headers[name]).toBe(whole.headers[name])
  }
})

test('values: what has no type is bytes, and curl forms keep theirs', async () => {
  await put('default/untyped', 'x')
  expect((await get('default/untyped')).headers['content-type']).toBe('application/octet-stream')
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  await put('default/form', 'a=b&c', form)
  const { headers, text } = await get('default/form')
  expect([headers['content-type'], text]).toEqual([form['content-type'], 'a=b&c'])
})

test('values: an empty value is a value', async () => {
  await put('default/empty', '')
  const { status, headers, text } = await get('default/empty')
  expect([status, headers['content-length'], text]).toEqual([200, '0', ''])
})

test.each([
  ['a//b', 'a%2F%2Fb'],
  ['a/../b', 'a/%2e%2E/b'],
  ['/', '%2F'],
  ['trailing/', 'trailing%2f'],
  ['%C3%A9', '%c3%a9'],
  ['%00', '%00'],
  [`${'k'.repeat(1024)}`, `${'%6B'.repeat(1024)}`],
])('values: the same key however it is written: %s', async (one, other) => {
  await put(`default/${one}`, one)
  expect((await get(`default/${other}`)).text).toBe(one)
})

test('values: keys that only look alike are different', async () => {
  const keys = ['case', 'Case', 'case/', 'case//', 'case%20', 'case+', '%252F', '%2F%2F']
  for (const key of keys) await put(`latest/alike/${key}`, key)
  for (const key of keys) expect((await get(`latest/alike/${key}`)).text).toBe(key)
})

test('values: an absent key is 404, with a context that covers nothing', async () => {
  const { status, headers, text } = await get('default/absent')
  expect(status).toBe(404)
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json',
    'quorate-siblings': '0',
  })
  expect(JSON.parse(text)).toMatchObject({ code: 'key_absent', status: 404, outcome: 'rejected' })
  const context = { 'quorate-context': headers['quorate-context'] as string }
  const first = await put('default/absent', 'first', context)
  const second = await put('default/absent', 'second', context)
  expect([first, second].map((written) => written.headers['quorate-siblings'])).toEqual(['1', '2'])
})

test('values: a deleted key is 404, with the context of the tombstone', async () => {
  await put('default/gone', 'x')
  const deleted = await del('default/gone')
  expect(deleted.status).toBe(204)
  expect(deleted.headers).toMatchObject({ 'quorate-existed': 'true', 'quorate-siblings': '0' })
  const { status, headers } = await get('default/gone')
  expect(status).toBe(404)
  const context = String(headers['quorate-context'])
  expect(context).toMatch(/^[A-Za-z0-9_-]+$/)
  expect((await put('default/gone', 'y', { 'quorate-context': context })).status).toBe(204)
  expect((await get('default/gone')).text).toBe('y')
})

test('values: deleting what is not there is 204, and says so', async () => {
  const { status, headers } = await del('default/never')
  expect([status, headers['quorate-existed']]).toEqual([204, 'false'])
})

test('values: a weak write is accepted, not stored: 202', async () => {
  for (const bucket of ['default', 'latest']) {
    const { status, headers } = await put(`${bucket}/weak?consistency=weak`, 'x')
    expect(status).toBe(202)
    expect(headers).toMatchObject({
      'quorate-consistency': 'weak',
      'quorate-quorum': 'need=0, got=0, hinted=0',
    })
    expect((await del(`${bucket}/weak?consistency=weak`)).status).toBe(202)
  }
})

test('values: concurrent writes are siblings: 300, as JSON', async () => {
  const written = await fork('pair', 'left', Buffer.from([0xff, 0xfe]))
  expect(written.headers['quorate-siblings']).toBe('2')
  const { status, headers, text } = await get('default/pair')
  expect(status).toBe(300)
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'quorate-siblings': '2',
    vary: 'Accept',
    'x-content-type-options': 'nosniff',
  })
  const { siblings } = JSON.parse(text) as { siblings: Record<string, unknown>[] }
  const common = { id: expect.any(String) as string, contentType: 'text/plain', node: 'n1' }
  expect(siblings).toMatchObject([
    { ...common, size: 4, value: 'left' },
    { ...common, size: 2, valueBase64: '//4=' },
  ])
  for (const sibling of siblings) {
    expect(new Date(sibling['time'] as string).toISOString()).toBe(sibling['time'])
  }
})

test('values: siblings as raw parts, where that is what is accepted', async () => {
  await fork('parts', 'left\r\n', 'right')
  const { status, headers, text } = await get('default/parts', { accept: 'multipart/mixed' })
  expect(status).toBe(300)
  const boundary = /^multipart\/mixed; boundary=(\w+)$/.exec(String(headers['content-type']))?.[1]
  const parts = text.split(`--${boundary}`)
  expect(parts).toHaveLength(4)
  expect(parts[1]).toMatch(/Content-Type: text\/plain\r\n[^]*\r\n\r\nleft\r\n\r\n$/)
  expect(parts[2]).toMatch(/\r\n\r\nright\r\n$/)
  expect(parts[3]).toBe('--\r\n')
})

test('values: one sibling by its id, the newest by resolve=lww', async () => {
  await fork('choice', 'left', 'right')
  const list = await get('default/choice')
  const { siblings } = JSON.parse(list.text) as { siblings: { id: string; value: string }[] }
  for (const { id, value } of siblings) {
    const one = await get(`default/choice?sibling=${id}`)
    expect([one.status, one.text, one.headers['quorate-siblings']]).toEqual([200, value, '2'])
    expect(one.headers['content-type']).toBe('text/plain')
  }
  const newest = await get('default/choice?resolve=lww')
  expect([newest.status, newest.text, newest.headers['quorate-siblings']]).toEqual([
    200,
    'right',
    '2',
  ])
  const none = await get('default/choice?sibling=n9~x.1')
  expect([none.status, JSON.parse(none.text)]).toMatchObject([404, { code: 'sibling_absent' }])
})

test('values: one put with the context resolves all siblings', async () => {
  await fork('resolve', 'left', 'right')
  const { headers } = await get('default/resolve')
  const context = { 'quorate-context': String(headers['quorate-context']) }
  const resolved = await put('default/resolve', 'both', context)
  expect(resolved.headers['quorate-siblings']).toBe('1')
  const after = await get('default/resolve')
  expect([after.status, after.text]).toEqual([200, 'both'])
})

test('values: writes one after another leave one value, with or without a context', async () => {
  let context = ''
  for (const value of ['1', '2', '3']) {
    await put('default/sequence', `blind ${value}`)
    const written = await put(
      'default/chain',
      value,
      context === '' ? {} : { 'quorate-context': context },
    )
    context = String(written.headers['quorate-context'])
    expect(written.headers['quorate-siblings']).toBe('1')
  }
  expect((await get('default/sequence')).text).toBe('blind 3')
  expect((await get('default/chain')).text).toBe('3')
})

test('values: 304 where the tag is still the one that is known', async () => {
  await put('default/tagged', 'x')
  const { headers } = await get('default/tagged')
  const etag = String(headers['etag'])
  const same = await get('default/tagged', { 'if-none-match': `"other", ${etag}` })
  expect([same.status, same.text, same.headers['etag']]).toEqual([304, '', etag])
  await put('default/tagged', 'x')
  const changed = await get('default/tagged', { 'if-none-match': etag })
  expect(changed.status).toBe(200)
  expect(changed.headers['etag']).not.toBe(etag)
})

test('values: a ttl of the request, or else of the bucket, lets a value expire', async () => {
  await put('default/brief?ttl=1', 'x')
  await put('short/brief', 'x')
  await put('default/lasting', 'x')
  for (const path of ['default/brief', 'short/brief', 'default/lasting']) {
    expect((await get(path)).status).toBe(200)
  }
  await expect.poll(async () => (await get('default/brief')).status).toBe(404)
  expect((await get('default/lasting')).status).toBe(200)
})

test('values: trace=true tells what each node answered', async () => {
  const { headers } = await put('default/traced?trace=true', 'x')
  expect(JSON.parse(String(headers['quorate-trace']))).toMatchObject({
    coordinator: 'n1',
    replicas: [{ node: 'n1', status: 'ok', ms: expect.any(Number) as number }],
  })
  expect((await get('default/traced')).headers['quorate-trace']).toBeUndefined()
})

test('values: a request keeps the id it came with', async () => {
  const named = await get('default/first', { 'x-request-id': 'trace-7' })
  expect(named.headers['x-request-id']).toBe('trace-7')
  const other = await get('default/none', { 'x-request-id': 'not sane' })
  expect(other.headers['x-request-id']).not.toBe('not sane')
  expect(JSON.parse(other.text)).toMatchObject({ requestId: other.headers['x-request-id'] })
})
