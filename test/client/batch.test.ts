/** Batches: each call has its own outcome, and none is told wrongly because of the others. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  bytes,
  createClient,
  type Entry,
  json,
  RejectedError,
  type Swap,
  UnknownOutcomeError,
  type Written,
} from '../../src/client/quorate.ts'
import { URLS } from './test-client.ts'
import { batchesOf } from './virtual-batch.ts'
import { VirtualStore } from './virtual-store.ts'
import {
  type Behaviour,
  breakOff,
  done,
  fixedRandom,
  found,
  problem,
  stayCut,
  VirtualClock,
  virtualFetch,
} from './virtual-world.ts'

/** A client of nodes that run batches. `attempt` may fail a batch as a whole. */
function world(attempt: (attempts: number) => Behaviour | undefined = () => undefined) {
  const clock = new VirtualClock()
  const store = new VirtualStore()
  const batches: Request[] = []
  const run = batchesOf(store.behave)
  const behave: Behaviour = (request) => {
    if (request.method === 'POST') batches.push(request.clone())
    return (attempt(batches.length) ?? run)(request)
  }
  const fetch = virtualFetch(Object.fromEntries(URLS.map((url) => [url, behave])))
  const client = createClient({ endpoints: URLS, clock, random: fixedRandom(0), fetch })
  return { clock, store, client, batches }
}

describe('a batch', () => {
  test('is one request, and resolves each call like a single one', async () => {
    const { clock, store, client, batches } = world()
    store.replace('/v1/kv/default/old', '["tea"]')
    const [cart, written, absent, swap] = await clock.run(
      client.batch((batch) => {
        const carts = batch.bucket('default', { format: json<string[]>(), consistency: 'quorum' })
        const seats = batch.strong('strong')
        return [
          carts.get('old'),
          carts.put('new', ['rice'], { ttlSeconds: 9 }),
          carts.get('absent'),
          seats.compareAndSet('seat', undefined, 'ada'),
        ]
      }),
    )
    expectTypeOf(cart).toEqualTypeOf<PromiseSettledResult<Entry<string[]>>>()
    expectTypeOf(written).toEqualTypeOf<PromiseSettledResult<Written>>()
    expectTypeOf(swap).toEqualTypeOf<PromiseSettledResult<Swap>>()
    expect(cart.status === 'fulfilled' && cart.value.value()).toEqual(['tea'])
    expect(written).toMatchObject({ value: { siblings: 1, isStored: true } })
    expect(absent).toMatchObject({ value: { siblings: [], context: '0' } })
    expect(swap).toEqual({ status: 'fulfilled', value: { isSet: true, etag: '"3"' } })
    expect(batches).toHaveLength(1)
    expect(store.values('/v1/kv/default/new')).toEqual(['["rice"]'])
    expect(store.seen[1]?.query.get('ttl')).toBe('9')
  })

  test('keeps siblings, bytes, counters and sets as they are', async () => {
    const { clock, store, client } = world()
    store.before = ({ path, method }) => {
      if (path.startsWith('/v1/kv/visits/')) {
        return method === 'GET' ? Response.json({ value: 7 }) : done()
      }
      if (path.startsWith('/v1/kv/tags/')) return Response.json({ value: ['a'] })
      return path.endsWith('/raw') && method === 'GET'
        ? new Response(new Uint8Array([0xff, 0]))
        : undefined
    }
    store.writeBeside('/v1/kv/default/both', 'tea')
    store.writeBeside('/v1/kv/default/both', 'rice')
    const results = await clock.run(
      client.batch((batch) => [
        batch.bucket('default').get('both'),
        batch.bucket('default', { format: bytes }).get('raw'),
        batch.bucket('default', { format: bytes }).put('raw', new Uint8Array([0xff])),
        batch.counters('visits').increment('home', 2),
        batch.counters('visits').get('home'),
        batch.sets('tags').get('pear'),
      ]),
    )
    expect(results.map(({ status }) => status)).toEqual(results.map(() => 'fulfilled'))
    const [both, raw, , , count, tags] = results as unknown as { value: never }[]
    const valuesOf = (read: unknown): unknown[] =>
      (read as { value: Entry<unknown> }).value.siblings.map(({ value }) => value)
    expect(valuesOf(both)).toEqual(['tea', 'rice'])
    expect(valuesOf(raw)).toEqual([new Uint8Array([0xff, 0])])
    expect([count?.value, tags?.value]).toEqual([7, new Set(['a'])])
  })

  test('tells the failure of one call to that call alone', async () => {
    const { clock, store, client } = world()
    store.before = ({ path }) => {
      if (path.endsWith('/wrong')) return problem('mode_mismatch')
      if (path.endsWith('/cut')) return problem('quorum_unreachable')
      if (path.endsWith('/lost')) return problem('deadline_passed')
      return undefined
    }
    const results = await clock.run(
      client.batch((batch) => {
        const texts = batch.bucket('default')
        const seat = batch.strong('strong').compareAndSet('seat', '"9"', 'x')
        return [
          texts.put('wrong', 'x'),
          texts.put('cut', 'x'),
          texts.put('lost', 'x'),
          texts.get('lost'),
          seat,
          texts.put('', 'x'),
          texts.put('fine', 'x'),
        ]
      }),
    )
    expect(results).toMatchObject([
      { reason: { name: 'UsageError', code: 'mode_mismatch' } },
      { reason: { name: 'RejectedError', code: 'quorum_unreachable', retryable: true } },
      { reason: { name: 'UnknownOutcomeError', code: 'deadline_passed' } },
      { reason: { name: 'RejectedError', code: 'deadline_passed' } },
      { value: { isSet: false } },
      { reason: { message: 'the key is empty' } },
      { status: 'fulfilled' },
    ])
  })

  test('without calls sends nothing', async () => {
    const { clock, client, batches } = world()
    expect(await clock.run(client.batch(() => []))).toEqual([])
    expect(batches).toEqual([])
  })
})

describe('a batch that fails as a whole', () => {
  const lostFirst = (attempts: number): Behaviour | undefined => {
    return attempts === 1 ? breakOff : undefined
  }

  test('is sent again if each of its calls may be', async () => {
    const { clock, client, batches } = world(lostFirst)
    const [read, written] = await clock.run(
      client.batch((batch) => [
        batch.bucket('default').get('k'),
        batch.strong('strong').put('k', 'v'),
      ]),
    )
    expect([read.status, written.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(batches).toHaveLength(2)
    expect(await batches[0]?.text()).toBe(await batches[1]?.text())
  })

  test('is unknown for its writes, and never for its reads', async () => {
    const { clock, client, batches } = world(lostFirst)
    const [read, written] = await clock.run(
      client.batch((batch) => [
        batch.bucket('default').get('k'),
        batch.bucket('default').put('k', 'v'),
      ]),
    )
    expect(batches).toHaveLength(1)
    expect((read as PromiseRejectedResult).reason).toBeInstanceOf(RejectedError)
    expect((written as PromiseRejectedResult).reason).toBeInstanceOf(UnknownOutcomeError)
  })

  test('does not tell a write as rejected that an earlier attempt may have made', async () => {
    const refused: unknown = await problem('precondition_failed').json()
    const later: Behaviour = () =>
      Response.json({ transaction: false, answers: [{ status: 412, problem: refused }] })
    const { clock, client, batches } = world((attempts) => (attempts === 1 ? breakOff : later))
    const swap = client.batch((batch) => [
      batch.strong('strong').compareAndSet('k', undefined, 'v'),
    ])
    const [{ reason }] = (await clock.run(swap)) as unknown as [PromiseRejectedResult]
    expect(batches).toHaveLength(2)
    expect(reason).toBeInstanceOf(UnknownOutcomeError)
    expect(String(reason)).toContain('the last one was rejected')
  })

  test('is rejected for all of them if nothing was applied', async () => {
    const { clock, client } = world(() => () => problem('overloaded', { 'retry-after': '9' }))
    const results = await clock.run(
      client.batch((batch) => [
        batch.bucket('default').get('k'),
        batch.bucket('default').put('k', 'v'),
      ]),
    )
    for (const { reason } of results as unknown as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ name: 'RejectedError', code: 'overloaded' })
    }
  })

  test.each([
    ['a body that breaks off', () => new Response(brokenBody())],
    ['too few answers', () => Response.json({ transaction: false, answers: [] })],
    ['a page of a proxy', () => new Response('<html>')],
  ])('is told so after %s', async (_name, answer) => {
    const { clock, client } = world(() => answer)
    const put = client.batch((batch) => [batch.bucket('default').put('k', 'v')])
    const [{ reason }] = (await clock.run(put)) as unknown as [PromiseRejectedResult]
    expect(reason).toBeInstanceOf(UnknownOutcomeError)
  })

  test('has one deadline and one signal', async () => {
    const { clock, client } = world(() => stayCut)
    const controller = new AbortController()
    const reason = new Error('enough')
    clock.after(100, () => controller.abort(reason))
    const aborted = client.batch(
      (batch) => [batch.bucket('default').get('k'), batch.bucket('default').get('l')],
      { signal: controller.signal },
    )
    expect(await clock.run(aborted)).toMatchObject([{ reason }, { reason }])
    const late = client.batch((batch) => [batch.bucket('default').put('k', 'v')], {
      timeoutMs: 700,
    })
    const startMs = clock.nowMs()
    expect(await clock.run(late)).toMatchObject([{ reason: { name: 'UnknownOutcomeError' } }])
    expect(clock.nowMs() - startMs).toBe(700)
    const own = client.batch((batch) => [batch.bucket('default').get('k', { timeoutMs: 5 })])
    expect(await clock.run(own)).toMatchObject([{ reason: { name: 'TypeError' } }])
  })
})

test('what takes more than one request is refused in a batch', async () => {
  const { clock, client, store } = world()
  store.replace('/v1/kv/default/k', 'v')
  const results = await clock.run(
    client.batch((batch) => [batch.bucket('default').update('k', () => 'w')]),
  )
  expect(results).toMatchObject([{ reason: { name: 'TypeError' } }])
  expect(store.values('/v1/kv/default/k')).toEqual(['v'])
  await expect(
    client.batch((batch) => [batch.bucket('default').keys()[Symbol.asyncIterator]().next()]),
  ).rejects.toThrow('a batch lists no keys')
  await client.close()
  await expect(client.batch(() => [])).rejects.toThrow('the client is closed')
})

describe('the session of a batch', () => {
  const tellSession: Behaviour = (request) => {
    const past = request.headers.get('quorate-session') ?? ''
    return Response.json(
      { transaction: false, answers: [{ status: 204, consistency: 'causal' }] },
      { headers: { 'quorate-session': `${past}+` } },
    )
  }

  test('goes from batch to batch at causal, and in a session of its own', async () => {
    const { clock, client, batches } = world(() => tellSession)
    const put = (level: 'causal' | 'quorum') =>
      client.batch((batch) => [batch.bucket('default', { consistency: level }).put('k', 'v')])
    await clock.run(Promise.all([put('causal'), put('causal'), put('quorum')]))
    const session = client.session()
    await clock.run(session.batch((batch) => [batch.strong('strong').put('k', 'v')]))
    expect(session.token).toBe('+')
    const tokens = batches.map(({ headers }) => headers.get('quorate-session') ?? 'none')
    expect(tokens.sort()).toEqual(['+', 'none', 'none', 'none'])
  })

  test('begins anew if a call is told that it is over', async () => {
    const over: Behaviour = async () =>
      Response.json({
        answers: [{ status: 400, problem: (await problem('bad_session').json()) as object }],
      })
    const { clock, client } = world(() => over)
    const session = client.session('old')
    const results = await clock.run(session.batch((batch) => [batch.bucket('default').get('k')]))
    expect(results).toMatchObject([{ reason: { code: 'bad_session' } }])
    expect(session.token).toBeUndefined()
  })
})

function brokenBody(): ReadableStream {
  return new ReadableStream({
    start: (controller) => controller.error(new TypeError('terminated')),
  })
}

test('an answer to a read of text has its type', async () => {
  const { clock, store, client } = world()
  store.before = () => found('x', { 'content-type': 'text/html' })
  const [read] = await clock.run(client.batch((batch) => [batch.bucket('default').get('k')]))
  expect(read).toMatchObject({ value: { siblings: [{ contentType: 'text/html', value: 'x' }] } })
})
