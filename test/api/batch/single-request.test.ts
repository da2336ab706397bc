/**
 * A batch of one operation answers as the single request does. Each case is sent both ways, to a key of its own each
 * time. The two answers must have the same status, members and outcome, and the keys must then read the same.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestAnswer, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1, { QUORATE_MAX_VALUE_BYTES: '2000' })
  for (const [bucket, mode] of Object.entries({ visits: 'counter', tags: 'set' })) {
    const body = JSON.stringify({ mode })
    await cluster.request(0, `/v1/buckets/${bucket}`, { method: 'PUT', body })
  }
})

afterAll(() => cluster.stop())

/** A request for a value. Its members are those of an operation. */
interface Operation {
  readonly op: 'get' | 'put' | 'delete' | 'update'
  readonly bucket: string
  readonly value?: string
  readonly valueBase64?: string
  readonly change?: object
  readonly consistency?: string
  readonly ttl?: number
  readonly contentType?: string
  readonly context?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly idempotencyKey?: string
}

interface Answer {
  readonly status: number
  readonly problem?: { readonly code: string; readonly outcome: string; readonly detail: string }
  readonly [member: string]: unknown
}

const METHODS = { get: 'GET', put: 'PUT', delete: 'DELETE', update: 'POST' } as const
/** The members of an answer, and the headers that the single request has in their place. */
const HEADERS = {
  etag: 'etag',
  context: 'quorate-context',
  siblingCount: 'quorate-siblings',
  existed: 'quorate-existed',
  consistency: 'quorate-consistency',
  coordinator: 'quorate-coordinator',
  quorum: 'quorate-quorum',
  stale: 'quorate-stale',
  lastModified: 'last-modified',
  retryAfter: 'retry-after',
} as const
/** These name one write or one key, so they differ. */
const UNIQUE = ['etag', 'context', 'lastModified']

const encoder = new TextEncoder()

async function single(operation: Operation, key: string): Promise<Answer> {
  const { op, bucket, value, valueBase64, change, consistency, ttl } = operation
  const query = new URLSearchParams({
    ...(consistency === undefined ? {} : { consistency }),
    ...(ttl === undefined ? {} : { ttl: String(ttl) }),
  })
  const headers = {
    'content-type': operation.contentType,
    'quorate-context': operation.context,
    'if-match': operation.ifMatch,
    'if-none-match': operation.ifNoneMatch,
    'idempotency-key': operation.idempotencyKey,
  }
  const body =
    valueBase64 === undefined
      ? (value ?? (change === undefined ? undefined : JSON.stringify(change)))
      : Buffer.from(valueBase64, 'base64')
  const answer = await cluster.request(0, `/v1/kv/${bucket}/${key}?${query.toString()}`, {
    method: METHODS[op],
    headers: Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    ...(body === undefined ? {} : { body }),
  })
  return asOperationAnswer(answer)
}

/** What a batch must say in the place of this answer. */
function asOperationAnswer({ status, headers, body, text }: TestAnswer): Answer {
  const members: Record<string, unknown> = { status }
  for (const [member, header] of Object.entries(HEADERS)) {
    const value = headers[header]
    if (value === undefined) continue
    const isData = ['siblingCount', 'existed', 'retryAfter'].includes(member)
    members[member] = isData ? JSON.parse(value) : value
  }
  if (typeof members['quorum'] === 'string') {
    const [need, got, hinted] = members['quorum'].match(/\d+/g)?.map(Number) ?? []
    members['quorum'] = { need, got, hinted }
  }
  const type = headers['content-type']
  if (type === 'application/problem+json') return { ...members, status, problem: JSON.parse(text) }
  if (status === 300 || (status === 200 && type === 'application/json')) {
    return { ...members, status, ...(JSON.parse(text) as object) }
  }
  if (status !== 200) return { ...members, status }
  const isText = Buffer.from(encoder.encode(text)).equals(body)
  return {
    ...members,
    status,
    contentType: type,
    ...(isText ? { value: text } : { valueBase64: body.toString('base64') }),
  }
}

async function batched(operation: Operation, key: string): Promise<Answer> {
  const body = JSON.stringify({ operations: [{ ...operation, key }] })
  const { status, text } = await cluster.request(0, '/v1/batch', { method: 'POST', body })
  expect(status).toBe(200)
  const { answers } = JSON.parse(text) as { answers: readonly Answer[] }
  expect(answers).toHaveLength(1)
  return answers[0] as Answer
}

/** The answer without what must differ: what names one write, one key, or one request. */
function common({ problem, siblings, ...answer }: Answer): object {
  const members = Object.entries(answer).map(([member, value]) => [
    member,
    UNIQUE.includes(member) ? 'is there' : value,
  ])
  return {
    ...Object.fromEntries(members),
    ...(problem === undefined ? {} : { problem: { ...problem, detail: '', requestId: '' } }),
    ...(siblings === undefined
      ? {}
      : {
          siblings: (siblings as readonly { value: string }[]).map((sibling) => ({
            ...sibling,
            id: '',
            time: '',
          })),
        }),
  }
}

const text = (value: string, more: Partial<Operation> = {}): Operation => ({
  op: 'put',
  bucket: 'default',
  value,
  ...more,
})
const read = (bucket: string, more: Partial<Operation> = {}): Operation => ({
  op: 'get',
  bucket,
  ...more,
})
const add = (increment: number, more: Partial<Operation> = {}): Operation => ({
  op: 'update',
  bucket: 'visits',
  change: { increment },
  ...more,
})
const remove = (bucket: string, more: Partial<Operation> = {}): Operation => ({
  op: 'delete',
  bucket,
  ...more,
})
const strong = (value: string, more: Partial<Operation> = {}): Operation =>
  text(value, { bucket: 'strong', ...more })

test.each<[what: string, first: readonly Operation[], operation: Operation]>([
  ['a put', [], text('x')],
  ['a put of no bytes', [], text('')],
  ['a put of bytes', [], { op: 'put', bucket: 'default', valueBase64: 'AP8KDYA=' }],
  ['a put with a type', [], text('ä', { contentType: 'text/plain; charset=utf-8' })],
  ['a put at weak', [], text('x', { consistency: 'weak' })],
  ['a put at all', [], text('x', { consistency: 'all' })],
  ['a put that expires', [], text('x', { ttl: 3600 })],
  ['a put of the largest value', [], text('x'.repeat(2000))],
  ['a put of a larger value', [], text('x'.repeat(2001))],
  ['a put with a type that is none', [], text('x', { contentType: 'nonsense' })],
  ['a put with a long type', [], text('x', { contentType: `text/${'x'.repeat(300)}` })],
  ['a put with a bad ttl', [], text('x', { ttl: 0 })],
  ['a put at an unknown level', [], text('x', { consistency: 'most' })],
  ['a put in an unknown bucket', [], text('x', { bucket: 'nobody' })],
  ['a put in a bucket that cannot be', [], text('x', { bucket: 'Nobody' })],
  ['a put with a bad context', [], text('x', { context: 'abc' })],
  ['a put with a condition', [], text('x', { ifMatch: '*' })],
  ['a put with a name', [], text('x', { idempotencyKey: 'a' })],
  ['a put of a counter', [], text('1', { bucket: 'visits' })],
  ['a get', [text('x', { contentType: 'text/x' })], read('default')],
  ['a get of bytes', [{ op: 'put', bucket: 'default', valueBase64: 'AP8=' }], read('default')],
  ['a get of a mark that a decoder drops', [text('\ufeffx')], read('default')],
  ['a get of nothing', [], read('default')],
  ['a get of a deleted key', [text('x'), remove('default')], read('default')],
  ['a get unless it is absent', [text('x')], read('default', { ifNoneMatch: '*' })],
  ['a get unless it has another tag', [text('x')], read('default', { ifNoneMatch: '"0"' })],
  ['a get at strong in another bucket', [text('x')], read('default', { consistency: 'strong' })],
  ['a delete', [text('x')], remove('default')],
  ['a delete of nothing', [], remove('default')],
  ['an increment', [add(1)], add(2)],
  ['an increment with a name', [add(2, { idempotencyKey: 'a' })], add(2, { idempotencyKey: 'a' })],
  ['another one of its name', [add(2, { idempotencyKey: 'a' })], add(3, { idempotencyKey: 'a' })],
  ['an increment by a half', [], add(0.5)],
  ['an increment of a value', [], add(1, { bucket: 'default' })],
  ['an update of a set', [], { op: 'update', bucket: 'tags', change: { add: ['a'] } }],
  ['a get of a counter', [add(7)], read('visits')],
  ['a get of a set', [{ op: 'update', bucket: 'tags', change: { add: ['b', 'a'] } }], read('tags')],
  ['a put of a strong key', [], strong('x')],
  ['a put of one that is free', [], strong('x', { ifNoneMatch: '*' })],
  ['a put of one that is taken', [strong('x')], strong('y', { ifNoneMatch: '*' })],
  ['a put with two conditions', [], strong('x', { ifMatch: '*', ifNoneMatch: '*' })],
  ['a put with a tag that is gone', [strong('x')], strong('y', { ifMatch: '"0000000000000000"' })],
  [
    'a put with a name again',
    [strong('x', { idempotencyKey: 'a' })],
    strong('x', { idempotencyKey: 'a' }),
  ],
  [
    'a put of its name again',
    [strong('x', { idempotencyKey: 'a' })],
    strong('y', { idempotencyKey: 'a' }),
  ],
  ['a put of a strong key at quorum', [], strong('x', { consistency: 'quorum' })],
  ['a put of a strong key with a context', [], strong('x', { context: 'abc' })],
  ['a get of a strong key', [strong('x')], read('strong')],
  ['a get of one at eventual', [strong('x')], read('strong', { consistency: 'eventual' })],
  ['a delete of one under a condition', [strong('x')], remove('strong', { ifMatch: '*' })],
])('a batch of one answers as the single request: %s', async (what, first, operation) => {
  const name = what.replaceAll(' ', '-')
  const [alone, together] = [`alone/${name}`, `batch/${name}`]
  for (const before of first) {
    await single(before, alone)
    await single(before, together)
  }
  const expected = await single(operation, alone)
  const answer = await batched(operation, together)
  expect(common(answer)).toEqual(common(expected))
  if (operation.op === 'get') {
    // Of one key, also the tag and the context are the same.
    expect(await batched(operation, alone)).toEqual({
      ...expected,
      ...(expected.problem === undefined ? {} : { problem: expect.anything() as unknown }),
    })
  }
  const last = read(operation.bucket)
  // A weak write may come later.
  if (operation.consistency === 'weak') return
  expect(common(await single(last, together))).toEqual(common(await single(last, alone)))
})

test('a batch of one answers as the single request: a get of siblings', async () => {
  const { context } = await single(text('base'), 'siblings')
  for (const value of ['left', 'right']) {
    await single(text(value, { context: context as string }), 'siblings')
  }
  const expected = await single(read('default'), 'siblings')
  expect(expected.status).toBe(300)
  expect(await batched(read('default'), 'siblings')).toEqual(expected)
  const merged = text('both', { context: expected['context'] as string })
  expect(await batched(merged, 'siblings')).toMatchObject({ status: 204, siblingCount: 1 })
})
