/** The client against real nodes: what their answers mean, which a store of the tests could get wrong. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bytes,
  createClient,
  type Entry,
  json,
  type Quorate,
  RejectedError,
  UsageError,
} from '../../src/client/quorate.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

let cluster: TestCluster
let client: Quorate

beforeAll(async () => {
  cluster = await startCluster(3)
  const named = cluster.nodes.map(({ clientPort }, i): [string, string] => [
    `n${i + 1}`,
    `http://127.0.0.1:${clientPort}`,
  ])
  client = createClient({ endpoints: Object.fromEntries(named), timeoutMs: 30_000 })
  await client.createBucket('visits', { mode: 'counter' })
  await client.createBucket('tags', { mode: 'set' })
})

afterAll(async () => {
  await client.close()
  await cluster.stop()
})

test('keys of every kind arrive as they are, and are listed', async () => {
  const bucket = client.bucket('latest')
  const keys = ['x/../y', 'x/', 'x//y', 'x+ %2F', 'xü/日本', 'x?#&=']
  for (const key of keys) await bucket.put(key, key)
  for (const key of keys) expect((await bucket.get(key)).value()).toBe(key)
  const listed: string[] = []
  for await (const { key } of bucket.keys({ prefix: 'x', pageSize: 1 })) listed.push(key)
  expect(listed.sort()).toEqual(keys.sort())
})

test('siblings of text and of bytes come as a list, and one write replaces them', async () => {
  const raw = client.bucket('default', { format: bytes })
  const { context } = await raw.put('both', new Uint8Array([1]))
  await raw.put('both', new Uint8Array([0xff]), { context })
  await raw.put('both', new Uint8Array([65]), { context })
  const entry = await raw.get('both')
  expect(entry.siblings.map(({ value }) => [...value])).toEqual([[0xff], [65]])
  expect(entry.siblings[0]).toMatchObject({ node: expect.any(String), time: expect.any(Date) })
  const written = await raw.put('both', new Uint8Array([2]), { context: entry.context })
  expect(written).toMatchObject({ siblings: 1, isStored: true, quorum: { need: 2 } })
})

test('updates of clients at once lose nothing, whether the key exists or not', async () => {
  for (const start of [[], ['start']]) {
    const key = `at-once-${start.length}`
    const lists = client.bucket('default', {
      format: json<string[]>(),
      merge: (siblings) => [...new Set(siblings.flat())].sort(),
    })
    if (start.length > 0) await lists.put(key, start)
    const items = [...'abcdefghij']
    const patient = { timeoutMs: 120_000 }
    await Promise.all(
      items.map((item) => lists.update(key, (list = []) => [...list, item], patient)),
    )
    const { siblings } = await lists.get(key)
    expect(siblings.map(({ value }) => value.sort())).toEqual([[...items, ...start].sort()])
  }
})

test('updates of a strong key at once all count', async () => {
  const counts = client.strong('strong', { format: json<number>() })
  await Promise.all(
    Array.from({ length: 8 }, () => counts.update('count', (count = 0) => count + 1)),
  )
  expect(await counts.get('count')).toMatchObject({ value: 8, level: 'strong' })
})

test('counters and sets', async () => {
  const visits = client.counters('visits')
  expect(await visits.get('page')).toBe(0)
  await Promise.all([1, 2, 3, -4].map((by) => visits.increment('page', by)))
  expect(await visits.get('page')).toBe(2)
  await visits.delete('page')
  expect(await visits.get('page')).toBe(0)
  const tags = client.sets('tags')
  expect(await tags.get('pear')).toEqual(new Set())
  await tags.add('pear', ['a', 'b'])
  await tags.remove('pear', ['a'])
  expect(await tags.get('pear')).toEqual(new Set(['b']))
  await tags.delete('pear')
  expect(await tags.get('pear')).toEqual(new Set())
})

test('a bucket is deleted if it is empty, or with all that it holds, and is then gone', async () => {
  const drafts = client.bucket('drafts')
  await client.createBucket('drafts', { mode: 'lww', consistency: 'eventual' })
  await drafts.put('ada', 'milk')
  await expect(client.deleteBucket('drafts')).rejects.toMatchObject({
    name: 'RejectedError',
    code: 'bucket_not_empty',
  })
  await client.deleteBucket('drafts', { force: true })
  await client.deleteBucket('drafts')
  expect(await client.bucketInfo('drafts')).toBeUndefined()
  await client.createBucket('drafts', { mode: 'siblings' })
  expect(await drafts.get('ada')).toMatchObject({ siblings: [], level: 'quorum' })
  await client.deleteBucket('drafts')
})

test('a batch answers each of its calls as a single request is answered', async () => {
  const results = await client.batch((batch) => {
    const lists = batch.bucket('default', { format: json<string[]>() })
    const raw = batch.bucket('latest', { format: bytes })
    const seats = batch.strong('strong')
    return [
      lists.put('batched', ['tea', 'ü']),
      lists.get('batched'),
      lists.get('batched-absent'),
      raw.put('..', new Uint8Array([0xff, 0]), { ttlSeconds: 600 }),
      raw.get('..'),
      seats.compareAndSet('batched', undefined, 'ada'),
      seats.compareAndSet('batched', undefined, 'bob'),
      batch.counters('visits').increment('batched', 3),
      batch.counters('visits').get('batched'),
      batch.sets('tags').change('batched', { add: ['a', 'b'] }),
      batch.sets('tags').get('batched'),
      batch.bucket('visits').put('batched', '1'),
      lists.delete('batched'),
    ]
  })
  const valuesOf = (read: PromiseSettledResult<Entry<unknown>>): unknown =>
    read.status === 'fulfilled' && read.value.siblings.map(({ value }) => value)
  expect(results[0]).toMatchObject({ value: { siblings: 1, isStored: true, quorum: { need: 2 } } })
  expect(valuesOf(results[1])).toEqual([['tea', 'ü']])
  expect(results[2]).toMatchObject({ value: { siblings: [], context: expect.any(String) } })
  expect(valuesOf(results[4])).toEqual([new Uint8Array([0xff, 0])])
  expect(results.slice(5, 7)).toMatchObject([
    { value: { isSet: true } },
    { value: { isSet: false } },
  ])
  expect([results[8], results[10]]).toMatchObject([{ value: 3 }, { value: new Set(['a', 'b']) }])
  expect(results[11]).toMatchObject({ reason: { name: 'UsageError', code: 'mode_mismatch' } })
  expect(results[12]).toMatchObject({ value: { existed: true } })
})

test('a batch of a session reads what the session wrote, and continues it', async () => {
  const session = client.session()
  const put = (value: string) =>
    session.batch((batch) => [
      batch.bucket('default', { consistency: 'causal' }).put('batch-session', value),
      batch.bucket('default', { consistency: 'causal' }).get('batch-session'),
    ])
  for (const value of ['1', '2', '3']) {
    const [, read] = await put(value)
    expect(read.status === 'fulfilled' && read.value.value()).toBe(value)
    // At `quorum` the read would not wait for the write, which one owner has acknowledged.
    const { value: alone } = await session
      .bucket('default', { consistency: 'causal' })
      .get('batch-session')
    expect(alone()).toBe(value)
  }
  expect(session.token).toBeDefined()
  const [refused] = await client
    .session('AAAA')
    .batch((batch) => [batch.bucket('default').get('batch-session')])
  expect(refused).toMatchObject({ reason: { code: 'bad_session' } })
})

test('a watch tells changes, continues at another node, and begins with every key', async () => {
  const bucket = client.bucket('latest')
  const watch = bucket.watch({ prefix: 'watched-' })
  const first = watch[Symbol.asyncIterator]()
  const change = first.next()
  // With the first heartbeat, the watch has begun.
  await expect.poll(() => watch.position).toBeDefined()
  await bucket.put('watched-a', '1')
  expect((await change).value).toMatchObject({ type: 'put', key: 'watched-a', siblings: 1 })
  await first.return()

  await bucket.put('watched-b', '1')
  await bucket.delete('watched-a')
  // The new iteration connects to the next node. It may tell again what the first one has told.
  const told = new Map<string, string>()
  for await (const event of watch) {
    if ('key' in event) told.set(event.key, event.type)
    if (told.get('watched-a') === 'delete' && told.has('watched-b')) break
  }
  expect(Object.fromEntries(told)).toEqual({ 'watched-a': 'delete', 'watched-b': 'put' })

  const keys: string[] = []
  for await (const event of bucket.watch({ prefix: 'watched-', everything: true })) {
    if (event.type === 'put') keys.push(event.key)
    if (event.type === 'complete') break
  }
  expect(keys).toEqual(['watched-b'])
  const strange = bucket.watch({ after: 'no-position' })[Symbol.asyncIterator]().next()
  await expect(strange).rejects.toBeInstanceOf(UsageError)
})

test('a session reads its own writes through any node', async () => {
  const session = client.session()
  const causal = session.bucket('default', { consistency: 'causal' })
  for (let i = 0; i < 12; i++) {
    await causal.put(`own-${i % 3}`, String(i))
    expect((await causal.get(`own-${i % 3}`)).value()).toBe(String(i))
  }
  const foreign = client.session('AAAA').bucket('default').get('own-0')
  await expect(foreign).rejects.toMatchObject({ name: 'RejectedError', code: 'bad_session' })
})

describe('errors', () => {
  test('of requests that cannot be right', async () => {
    await expect(client.counters('default').increment('k')).rejects.toBeInstanceOf(UsageError)
    await expect(client.bucket('visits').put('k', '1')).rejects.toMatchObject({
      name: 'UsageError',
      code: 'mode_mismatch',
      outcome: 'rejected',
    })
  })

  test('of a bucket that does not exist', async () => {
    const read = client.bucket('no-such-bucket').get('k')
    await expect(read).rejects.toBeInstanceOf(RejectedError)
    await expect(read).rejects.toMatchObject({ code: 'bucket_unknown', problem: { status: 404 } })
  })

  test('of a node that does not run are passed over', async () => {
    const [node] = cluster.nodes
    const [port] = await freePorts(1)
    const nowhere = `http://127.0.0.1:${port}`
    const endpoints = [nowhere, `http://127.0.0.1:${node?.clientPort}`]
    await using partly = createClient({ endpoints, timeoutMs: 30_000 })
    for (let i = 0; i < 4; i++) await partly.bucket('default').put('failover', String(i))
    expect((await partly.bucket('default').get('failover')).value()).toBe('3')
    await using alone = createClient({ endpoints: [nowhere], timeoutMs: 2000 })
    const write = alone.bucket('default').put('k', 'v')
    await expect(write).rejects.toMatchObject({ name: 'RejectedError', code: 'unreachable' })
  })
})
