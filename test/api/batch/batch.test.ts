/** Batches at real nodes: order, partial failures, limits, sessions, and what is refused as a whole. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})

afterAll(() => cluster.stop())

interface Answer {
  readonly status: number
  readonly value?: string
  readonly problem?: { readonly code: string; readonly outcome: string; readonly detail: string }
}

interface Sent {
  readonly node?: number
  readonly timeout?: number
  readonly headers?: Record<string, string>
}

/** With much time, because a test may share the machine with others. */
const send = (operations: unknown, { node = 0, timeout = 60_000, headers = {} }: Sent = {}) =>
  cluster.request(node, `/v1/batch?timeout=${timeout}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ operations }),
  })

function answersOf({ status, text }: TestAnswer): readonly Answer[] {
  expect(status).toBe(200)
  const { transaction, answers } = JSON.parse(text) as {
    transaction: boolean
    answers: readonly Answer[]
  }
  expect(transaction).toBe(false)
  return answers
}

const put = (key: string, value: string, more: object = {}): object => ({
  op: 'put',
  bucket: 'default',
  key,
  value,
  ...more,
})
const get = (key: string, more: object = {}): object => ({
  op: 'get',
  bucket: 'default',
  key,
  ...more,
})
const text = async (key: string, bucket = 'default'): Promise<string> =>
  (await cluster.request(1, `/v1/kv/${bucket}/${key}`)).text

test('batch: one answer each, in order, though some fail and others do not', async () => {
  await cluster.request(0, '/v1/kv/default/old', { method: 'PUT', body: 'old' })
  const answers = answersOf(
    await send([
      get('old'),
      put('new', 'new'),
      get('nothing'),
      put('b', 'x', { bucket: 'nobody' }),
      { op: 'delete', bucket: 'default', key: 'old' },
      put('', 'no key'),
    ]),
  )
  expect(answers).toMatchObject([
    { status: 200, value: 'old' },
    { status: 204, siblingCount: 1 },
    { status: 404, problem: { code: 'key_absent', outcome: 'rejected' } },
    { status: 404, problem: { code: 'bucket_unknown', outcome: 'rejected' } },
    { status: 204, existed: true },
    { status: 400, problem: { code: 'bad_key' } },
  ])
  expect(await text('new')).toBe('new')
})

test('batch: operations of one key run in their order', async () => {
  const operations = Array.from({ length: 40 }, (_, i) => [
    put('one', String(i)),
    get('one'),
    put(`many-${i}`, String(i)),
  ]).flat()
  const answers = answersOf(await send(operations))
  const values = answers.filter((_, i) => i % 3 === 1).map(({ value }) => value)
  expect(values).toEqual(values.map((_, i) => String(i)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 204]))
})

test('batch: a condition holds for one operation alone, and a name counts once', async () => {
  const claim = (value: string): object =>
    put('seat', value, { bucket: 'strong', ifNoneMatch: '*' })
  expect(answersOf(await send([claim('ada'), claim('bob')]))).toMatchObject([
    { status: 204 },
    { status: 412, problem: { code: 'precondition_failed' } },
  ])
  expect(await text('seat', 'strong')).toBe('ada')
  const body = '{"mode":"counter"}'
  await cluster.request(0, '/v1/buckets/visits', { method: 'PUT', body })
  const visit = {
    op: 'update',
    bucket: 'visits',
    key: 'home',
    change: { increment: 3 },
    idempotencyKey: 'a',
  }
  const read = { op: 'get', bucket: 'visits', key: 'home' }
  expect(answersOf(await send([visit, visit, read]))).toMatchObject([
    { status: 204 },
    { status: 204 },
    { status: 200, value: 3 },
  ])
})

test('batch: at causal it is a part of one session', async () => {
  const causal = { consistency: 'causal' }
  let session: string | undefined
  for (let i = 0; i < 12; i++) {
    const headers: Record<string, string> =
      session === undefined ? {} : { 'quorate-session': session }
    const answer = await send(
      [get('seen', causal), put('seen', String(i), causal), get('seen', causal)],
      { node: i % 3, headers },
    )
    const [before, , after] = answersOf(answer)
    expect(before?.value).toBe(i === 0 ? undefined : String(i - 1))
    expect(after?.value).toBe(String(i))
    session = answer.headers['quorate-session']
    expect(session).toMatch(/^[\w-]+$/)
  }
  const plain = await send([get('seen')])
  expect(plain.headers).not.toHaveProperty('quorate-session')
  const given = await send([get('seen')], { headers: { 'quorate-session': String(session) } })
  expect(given.headers['quorate-session']).toMatch(/^[\w-]+$/)
  const bad = await send([get('seen')], { headers: { 'quorate-session': 'nonsense' } })
  expect(answersOf(bad)).toMatchObject([{ status: 400, problem: { code: 'bad_session' } }])
})

test('batch: the timeout is that of all operations together', async () => {
  const operations = Array.from({ length: 128 }, (_, i) => put('late', String(i)))
  const answers = answersOf(await send(operations, { timeout: 1 }))
  expect(answers).toHaveLength(128)
  const rejected = answers.filter(({ status }) => status === 503)
  // One after the other, 128 writes to a disk take longer.
  expect(rejected.length).toBeGreaterThan(0)
  for (const { problem } of rejected) expect(problem?.outcome).toBe('rejected')
  for (const { status, problem } of answers) {
    if (status === 504) expect(problem?.outcome).toBe('unknown')
    else expect(status).toBeOneOf([204, 503])
  }
})

test('batch: at most 128 operations, and at most 1 MiB', async () => {
  const many = Array.from({ length: 128 }, (_, i) => put(`many-${i}`, 'x'))
  expect(answersOf(await send(many)).map(({ status }) => status)).toEqual(many.map(() => 204))
  const tooMany = await send([...many, put('too-many', 'x')])
  expect([tooMany.status, JSON.parse(tooMany.text)]).toMatchObject([
    400,
    { code: 'bad_request', detail: expect.stringMatching(/129 operations.*128/) as string },
  ])
  const large = await send([put('large', 'x'.repeat(1_048_576))])
  expect([large.status, JSON.parse(large.text)]).toMatchObject([413, { code: 'value_too_large' }])
  expect(answersOf(await send([]))).toEqual([])
  for (const key of ['too-many', 'large']) expect(await text(key)).toContain('key_absent')
})

test('batch: the values of an answer have 16 MiB together', async () => {
  const body = Buffer.alloc(1_048_576, 'x')
  await cluster.request(0, '/v1/kv/default/mebibyte', { method: 'PUT', body })
  const answers = answersOf(await send(Array.from({ length: 20 }, () => get('mebibyte'))))
  const statuses = answers.map(({ status }) => status)
  expect(statuses).toEqual([...Array<number>(16).fill(200), ...Array<number>(4).fill(413)])
  expect(answers[0]?.value).toHaveLength(1_048_576)
  expect(answers[19]?.problem).toMatchObject({ code: 'value_too_large', outcome: 'rejected' })
})

test.each<[what: string, operation: unknown, words: string]>([
  ['no object', 'get', 'operations[1] must be an object'],
  ['an unknown op', { op: 'post' }, 'get, put, delete, update'],
  ['no key', { op: 'get', bucket: 'default' }, 'operations[1] needs the member key'],
  ['no bucket', { op: 'get', key: 'k' }, 'needs the member bucket'],
  ['an unknown member', get('k', { w: 2 }), 'bucket, key, consistency'],
  ['a member of another op', get('k', { value: 'x' }), 'There is no member \\"value\\"'],
  ['no value', { op: 'put', bucket: 'default', key: 'k' }, 'either value or valueBase64'],
  ['two values', put('k', 'x', { valueBase64: 'eA==' }), 'either value or valueBase64'],
  ['a value that is a number', put('k', 'x', { value: 1 }), 'operations[1].value must be a string'],
  ['bad base64', { ...get('k'), op: 'put', valueBase64: 'eA=' }, 'must be base64'],
  ['half a character', put('k', 'x\ud83d'), 'well-formed'],
  ['half a character in a key', get('k\udc00'), 'well-formed'],
  ['a type over two lines', put('k', 'x', { contentType: 'a/b\r\nc: d' }), 'printable'],
  ['a ttl that is text', put('k', 'x', { ttl: '60' }), 'whole number'],
  ['an update without a change', { ...get('k'), op: 'update' }, 'needs the member change'],
])('batch: is refused as a whole for %s', async (what, operation, words) => {
  const key = `before/${what}`
  const { status, text: problem } = await send([put(key, 'x'), operation])
  expect([status, problem]).toEqual([400, expect.stringContaining(words)])
  expect(JSON.parse(problem)).toMatchObject({ code: 'bad_request', outcome: 'rejected' })
  expect(await text(encodeURIComponent(key))).toContain('key_absent')
})

test.each([
  ['idempotency-key', 'idempotency_unsupported'],
  ['quorate-context', 'bad_request'],
  ['if-match', 'bad_request'],
  ['if-none-match', 'bad_request'],
])('batch: a header of one operation is refused: %s', async (header, code) => {
  const { status, text: problem } = await send([get('k')], { headers: { [header]: '*' } })
  expect([status, JSON.parse(problem)]).toMatchObject([400, { code }])
})

test('batch: an id of a request is its part of the batch', async () => {
  const answer = await send([get('a1'), get('a2')], { headers: { 'x-request-id': 'mine' } })
  const ids = answersOf(answer).map(({ problem }) => problem)
  expect(ids).toMatchObject([{ requestId: 'mine/0' }, { requestId: 'mine/1' }])
  expect(answer.headers['x-request-id']).toBe('mine')
})
