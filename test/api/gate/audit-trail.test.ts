/** The audit log of a real node: which requests have a line, and what a line has. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

let directory: string
let file: string
let cluster: GuardedCluster
let read: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-audit-'))
  file = join(directory, 'audit.jsonl')
  cluster = await startGuarded(1, { QUORATE_AUDIT_LOG: file })
  read = await cluster.token('reader', { bucket: 'default', prefix: 'eu/', rights: ['read'] })
})

afterAll(async () => {
  await cluster.stop()
  await rm(directory, { recursive: true })
})

/** The lines that the requests of `act` have caused. A last request shows that all of them are written. */
async function linesOf(act: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const before = await linesUntil('start')
  await act()
  return (await linesUntil('end')).slice(before.length, -1)
}

let marks = 0

async function linesUntil(name: string): Promise<Record<string, unknown>[]> {
  const mark = `mark/${name}-${marks++}`
  await cluster.ask(ROOT_TOKEN, `/v1/kv/latest/${mark}`, { method: 'PUT', body: '' })
  let text = ''
  await expect.poll(async () => (text = await readFile(file, 'utf8'))).toContain(mark)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a write, an update and a delete have lines; a read has none', async () => {
  const lines = await linesOf(async () => {
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/eu/a%2Fb?ttl=60', {
      method: 'PUT',
      body: 'secret',
    })
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/eu/a%2Fb')
    await cluster.ask(read, '/v1/keys/default?prefix=eu/')
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/eu/a%2Fb', { method: 'DELETE' })
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/eu/a', { method: 'POST', body: '{}' })
  })
  const common = {
    type: 'audit',
    node: 'n1',
    token: 'root',
    address: '127.0.0.1',
    requestId: expect.stringMatching(/^n1-/),
    time: expect.any(String),
  }
  const place = { route: '/v1/kv/{bucket}/{key}', bucket: 'default', key: 'eu/a/b' }
  expect(lines).toEqual([
    { ...common, ...place, method: 'PUT', outcome: 'done', status: 204 },
    { ...common, ...place, method: 'DELETE', outcome: 'done', status: 204 },
    { ...common, ...place, key: 'eu/a', method: 'POST', outcome: 'rejected', status: 409 },
  ])
})

test('a refusal has a line, also of a read, and of a stranger', async () => {
  const lines = await linesOf(async () => {
    await cluster.ask(read, '/v1/kv/default/us/k')
    await cluster.ask(undefined, '/v1/kv/default/us/k')
    await cluster.ask('wrong', '/v1/kv/default/us/k', { method: 'PUT', body: 'x' })
    await cluster.ask(read, '/v1/cluster')
  })
  expect(lines.map(({ token, method, key, status }) => [token, method, key, status])).toEqual([
    ['reader', 'GET', 'us/k', 403],
    [null, 'GET', 'us/k', 401],
    [null, 'PUT', 'us/k', 401],
    ['reader', 'GET', null, 403],
  ])
})

test('changes of buckets, tokens and members have lines, and so has a backup', async () => {
  const lines = await linesOf(async () => {
    const body = '{"mode":"lww"}'
    await cluster.ask(ROOT_TOKEN, '/v1/buckets/made', { method: 'PUT', body })
    await cluster.token('web', { bucket: 'made', prefix: '', rights: ['read'] })
    await cluster.ask(ROOT_TOKEN, '/v1/access/tokens/web', { method: 'DELETE' })
    const leave = { method: 'POST', body: '{"leave":"n1"}' }
    await cluster.ask(ROOT_TOKEN, '/v1/cluster/apply', leave)
    await cluster.ask(ROOT_TOKEN, '/v1/backup?bucket=made')
    await cluster.ask(ROOT_TOKEN, '/v1/cluster')
  })
  expect(
    lines.map(({ method, route, bucket, subject, outcome }) => [
      method,
      route,
      bucket,
      subject,
      outcome,
    ]),
  ).toEqual([
    ['PUT', '/v1/buckets/{bucket}', 'made', undefined, 'done'],
    ['POST', '/v1/access/tokens', null, 'web', 'done'],
    ['DELETE', '/v1/access/tokens/{name}', null, 'web', 'done'],
    ['POST', '/v1/cluster/apply', null, undefined, 'rejected'],
    ['GET', '/v1/backup', null, undefined, 'done'],
  ])
})

test('each write of a batch has a line, and so has a batch that is refused', async () => {
  const batch = (token: string, id: string, ...operations: readonly object[]): Promise<unknown> =>
    cluster.ask(token, '/v1/batch', {
      method: 'POST',
      headers: { 'x-request-id': id },
      body: JSON.stringify({ operations }),
    })
  const lines = await linesOf(async () => {
    await batch(
      ROOT_TOKEN,
      'one',
      { op: 'put', bucket: 'default', key: 'eu/1', value: 'secret' },
      { op: 'get', bucket: 'default', key: 'eu/1' },
      { op: 'delete', bucket: 'absent', key: 'eu/2' },
    )
    await batch(
      read,
      'two',
      { op: 'get', bucket: 'default', key: 'eu/1' },
      { op: 'put', bucket: 'default', key: 'eu/2', value: 'x' },
    )
  })
  const words = lines.map(({ op, bucket, key, status }) =>
    [op, bucket, key, status].map(String).join(' '),
  )
  expect(words.sort()).toEqual([
    'delete absent eu/2 404',
    'put default eu/1 204',
    'put default eu/2 403',
  ])
  // One id for the batch, as in its answer.
  const ids = lines.map(({ requestId }) => requestId)
  expect(new Set(ids)).toEqual(new Set(['one', 'two']))
})

test('a flood of refusals has few lines, and is counted', async () => {
  const count = 60
  const lines = await linesOf(async () => {
    const keys = Array.from({ length: count }, (_, i) => `/v1/kv/default/us/${i}`)
    await Promise.all(keys.map((path) => cluster.ask('wrong', path)))
    await Promise.all(keys.map((path) => cluster.ask(read, path)))
    // A request that is refused before its token is looked at.
    const headers = { 'content-range': 'bytes 0-0/1' }
    const part = { method: 'PUT', headers, body: 'x' }
    await Promise.all(keys.map((path) => cluster.ask(ROOT_TOKEN, path, part)))
    await expect.poll(async () => countedIn(await readFile(file, 'utf8'))).toBe(3 * count)
  })
  expect(lines.some(({ moreRefused }) => moreRefused !== undefined)).toBe(true)
  for (const { moreRefused, ...line } of lines) {
    if (moreRefused === undefined) continue
    expect(line).toEqual({
      type: 'audit',
      time: expect.any(String),
      node: 'n1',
      outcome: 'rejected',
      token: expect.toBeOneOf([null, 'reader', 'root']),
      isLimited: false,
    })
  }
})

test('a flood of one token hides no line of another, and too many requests hide no other refusal', async () => {
  const flood = Array.from({ length: 40 }, (_, i) => `/v1/kv/default/us/${i}`)
  const made = await cluster.ask(ROOT_TOKEN, '/v1/access/tokens', {
    method: 'POST',
    body: JSON.stringify({
      name: 'limited',
      grants: [{ bucket: 'default', prefix: 'eu/', rights: ['read'] }],
      requestsPerSecond: 1,
    }),
  })
  const { token: few } = JSON.parse(made.text) as { token: string }
  const other = await cluster.token('other', { bucket: 'absent', prefix: '', rights: ['read'] })
  const hidden = '/v1/kv/default/us/99'
  const before = countedIn(await readFile(file, 'utf8'))
  let asked = 0
  const status = async (token: string, path: string): Promise<number> => {
    asked++
    return (await cluster.ask(token, path)).status
  }
  const lines = await linesOf(async () => {
    await Promise.all(flood.map((path) => status(read, path)))
    await status(other, hidden)
    await Promise.all(flood.map((path) => status(few, path)))
    // The client waits for its turn; then it lacks the right.
    await expect.poll(() => status(few, hidden), { timeout: 10_000 }).toBe(403)
    const counted = async (): Promise<number> => countedIn(await readFile(file, 'utf8'))
    await expect.poll(counted, { timeout: 10_000 }).toBe(before + asked)
  })
  const refused = lines.filter(({ key }) => key === 'us/99')
  expect(refused.filter(({ status }) => status === 403).map(({ token }) => token)).toEqual([
    'other',
    'limited',
  ])
})

/** How many refusals of this test's keys have a line or are counted. */
function countedIn(text: string): number {
  let counted = 0
  for (const line of text.trimEnd().split('\n')) {
    const { key, moreRefused = 0 } = JSON.parse(line) as { key?: string; moreRefused?: number }
    if (/^us\/\d/.test(key ?? '')) counted++
    counted += moreRefused
  }
  return counted
}

test('no line can be forged, and none has a value or a token', async () => {
  const forged = '\n{"type":"audit","token":"root"}\r\n\u2028\u0085\u0000"é😀'
  const lines = await linesOf(async () => {
    const key = encodeURIComponent(forged)
    await cluster.ask(ROOT_TOKEN, `/v1/kv/default/${key}`, { method: 'PUT', body: 'secret' })
    await cluster.ask(forged.replaceAll(/[^\x20-\x7e]/g, ''), '/v1/cluster')
    await cluster.ask(ROOT_TOKEN, '/v1/batch', {
      method: 'POST',
      body: JSON.stringify({
        operations: [{ op: 'put', bucket: forged, key: forged.repeat(1000), value: 'secret' }],
      }),
    })
  })
  expect(lines.map(({ token, status }) => [token, status])).toEqual([
    ['root', 204],
    [null, 401],
    ['root', 400],
  ])
  expect(lines[0]).toMatchObject({ key: forged })
  const text = await readFile(file, 'utf8')
  expect(text).toMatch(/^[\x20-\x7e\n]*$/)
  for (const secret of ['secret', read, ROOT_TOKEN]) expect(text).not.toContain(secret)
})

test('a line names the trace of its request', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const lines = await linesOf(async () => {
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/k', { method: 'PUT', body: 'x', headers })
    const broken = { traceparent: `00-${traceId}` }
    await cluster.ask(ROOT_TOKEN, '/v1/kv/default/k', { method: 'DELETE', headers: broken })
  })
  expect(lines.map(({ method, traceId: told }) => [method, told])).toEqual([
    ['PUT', traceId],
    ['DELETE', undefined],
  ])
})
