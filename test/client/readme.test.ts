/**
 * The examples of README.md and src/client/README.md against real nodes, in order. test/tidy compares this file with
 * the README files, so the examples are compiled, and cannot differ from what runs here.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  bytes,
  createClient,
  json,
  type Quorate,
  RejectedError,
  UnknownOutcomeError,
} from '../../src/client/quorate.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

let cluster: TestCluster
let client: Quorate
/** What the examples print. */
let printed: unknown[] = []
const console = { log: (line: unknown): void => void printed.push(line) }

beforeAll(async () => {
  cluster = await startCluster(3)
  const endpoints = cluster.nodes.map(({ clientPort }) => `http://127.0.0.1:${clientPort}`)
  client = createClient({ endpoints, timeoutMs: 30_000 })
})

afterAll(async () => {
  await client.close()
  await cluster.stop()
})

test('in the first README', async () => {
  const accounts = client.strong('strong', { format: json<number>() })
  await accounts.update('ada', (cents = 0) => cents + 100)
  expect((await accounts.get('ada')).value).toBe(100)
})

test('first program', async () => {
  const greetings = client.bucket('default')
  await greetings.put('hello', 'world')
  const { value } = await greetings.get('hello')
  console.log(value()) // world
  expect(printed).toEqual(['world'])
})

test('outcomes', async () => {
  printed = []
  const orders = client.bucket('default')
  try {
    await orders.put('order-7', 'paid')
  } catch (error) {
    if (error instanceof RejectedError) console.log(`not paid, try later: ${error.code}`)
    else if (error instanceof UnknownOutcomeError) console.log(await orders.get('order-7'))
    else throw error
  }
  expect(printed).toEqual([])
})

test('values', async () => {
  const photos = client.bucket('default', { format: bytes })
  await photos.put('photo', new Uint8Array([1, 2, 3]), { ttlSeconds: 60 })
  const scores = client.bucket('latest', { format: json<{ points: number }>(), consistency: 'all' })
  await scores.put('ada', { points: 3 })
  await scores.delete('ada')
  expect((await photos.get('photo')).value()).toEqual(new Uint8Array([1, 2, 3]))
  expect((await scores.get('ada')).value()).toBeUndefined()
})

test('siblings', async () => {
  const carts = client.bucket('default', {
    format: json<string[]>(),
    merge: (siblings) => [...new Set(siblings.flat())].sort(),
  })
  await carts.update('cart', (cart = []) => [...cart, 'milk'])
  expect((await carts.get('cart')).value()).toEqual(['milk'])
})

test('sessions', async () => {
  const session = client.session()
  await session.bucket('default').put('photo-of', 'sunset', { consistency: 'causal' })
  const later = client.session(session.token)
  await later.bucket('default').get('photo-of', { consistency: 'causal' })
  expect(later.token).toBeDefined()
})

test('strong keys', async () => {
  printed = []
  const seats = client.strong('strong')
  const claim = await seats.compareAndSet('seat-12a', undefined, 'ada')
  if (!claim.isSet) console.log('taken')
  const accounts = client.strong('strong', { format: json<{ cents: number }>() })
  await accounts.update('account', (account = { cents: 0 }) => ({ cents: account.cents + 100 }))
  expect(printed).toEqual([])
  expect(await accounts.get('account')).toMatchObject({ value: { cents: 100 }, level: 'strong' })
  expect(await seats.compareAndSet('seat-12a', undefined, 'bob')).toEqual({ isSet: false })
})

test('a lock', async () => {
  const reports = client.strong('strong', { format: json<{ fence: number; text: string }>() })
  await using lock = await client.lock('strong', 'nightly-report')
  await reports.update('report', (report) => {
    if (report !== undefined && report.fence > lock.fence) throw new Error('a later holder wrote')
    return { fence: lock.fence, text: 'done' }
  })
  expect(await reports.get('report')).toMatchObject({ value: { fence: 1, text: 'done' } })
})

test('a batch', async () => {
  printed = []
  await client.bucket('default').put('milk', '2 litres')
  const [milk, bread] = await client.batch((batch) => [
    batch.bucket('default').get('milk'),
    batch.bucket('default').put('bread', 'rye'),
  ])
  if (milk.status === 'fulfilled') console.log(milk.value.value())
  if (bread.status === 'rejected') console.log(bread.reason)
  expect(printed).toEqual(['2 litres'])
})

test('a watch', async () => {
  printed = []
  const orders = client.bucket('default')
  let writes = 0
  const over = new AbortController()
  const writing = (async (): Promise<void> => {
    while (!over.signal.aborted) await orders.put('order-8', String(writes++))
  })()
  const changes = client.bucket('default').watch({ prefix: 'order-' })
  for await (const event of changes) {
    if (event.type === 'put') console.log(`${event.key} has changed`)
    else if (event.type === 'reset') console.log('forget every key: all keys follow')
    if (event.type === 'put') break
  }
  over.abort()
  await writing
  expect(printed).toEqual(['order-8 has changed'])
})

test('counters, sets and lists of keys', async () => {
  printed = []
  await client.createBucket('visits', { mode: 'counter' })
  const visits = client.counters('visits')
  await visits.increment('home', 2)
  console.log(await visits.get('home')) // 2
  await client.createBucket('tags', { mode: 'set' })
  const tags = client.sets('tags')
  await tags.add('pear', ['fruit', 'green'])
  await tags.change('pear', { add: ['yellow'], remove: ['green'] })
  console.log(await tags.get('pear')) // Set { 'fruit', 'yellow' }
  const keys = client.bucket('default').keys({ prefix: 'photo' })
  for await (const { key } of keys) {
    if (key > 'photo') break
  }
  console.log(keys.cursor)
  expect(printed).toEqual([2, new Set(['fruit', 'yellow']), 'photo-of'])
})
