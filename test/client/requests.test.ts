/** One request on its way: addresses, deadlines, signals, failover, and what errors tell. */
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { encodeKey } from '../../src/client/key-requests.ts'
import {
  createClient,
  RejectedError,
  UnknownOutcomeError,
  UsageError,
} from '../../src/client/quorate.ts'
import { testClient, URLS } from './test-client.ts'
import {
  type Behaviour,
  breakOff,
  done,
  fixedRandom,
  found,
  problem,
  refuse,
  stayCut,
  VirtualClock,
  virtualFetch,
} from './virtual-world.ts'

test('a bucket that is gone after an attempt without an answer is deleted', async () => {
  const { clock } = testClient()
  const answers = [breakOff, () => problem('bucket_unknown')]
  const asked: string[] = []
  const behave: Behaviour = (request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`)
    return (answers.shift() ?? refuse)(request)
  }
  const fetch = virtualFetch(Object.fromEntries(URLS.map((url) => [url, behave])))
  const { client } = testClient({ clock, fetch })
  await clock.run(client.deleteBucket('drafts', { force: true }))
  expect(asked).toEqual(['DELETE /v1/buckets/drafts', 'DELETE /v1/buckets/drafts'])
  await expect(clock.run(client.deleteBucket('drafts'))).rejects.toMatchObject({
    code: 'unreachable',
  })
})

describe('the address of a key', () => {
  test.each([
    'a',
    'a/b//c/',
    '/',
    'a/../b',
    '../x',
    './x',
    'x/.',
    '..../x',
    '%2e%2e',
    'ü? #%+&=\\',
    '日本/😀',
    '\uFEFFa',
    'a b\tc\n',
  ])('survives fetch and is decoded once: %j', (key) => {
    const { pathname, search, hash } = new URL(`http://n1:8001/v1/kv/default/${encodeKey(key)}?x=1`)
    expect([search, hash]).toEqual(['?x=1', ''])
    expect(pathname.startsWith('/v1/kv/default/')).toBe(true)
    expect(decodeURIComponent(pathname.slice('/v1/kv/default/'.length))).toBe(key)
  })

  test('keeps its slashes where it can', () => {
    expect(encodeKey('a/b c')).toBe('a/b%20c')
  })

  test.each(['.', '..', '', '\uD800', 'a\uDC00'])(
    'of %j is a mistake of the program',
    async (key) => {
      const { client, store } = testClient()
      await expect(client.bucket('default').get(key)).rejects.toThrow(TypeError)
      expect(store.seen).toEqual([])
    },
  )

  test.each(['', 'A', 'a/b', '..', 'x'.repeat(64)])('takes no bucket named %j', (name) => {
    expect(() => testClient().client.bucket(name)).toThrow(TypeError)
  })
})

describe('options', () => {
  test.each([
    [{ endpoints: [] }, 'at least one address'],
    [{ endpoints: ['n1:8001'] }, 'is not an address'],
    [{ endpoints: ['http://n1:8001?x=1'] }, 'is not an address'],
    [{ endpoints: ['http://me:secret@n1:8001'] }, 'a user'],
    [{ endpoints: ['http://n1'], retry: { attempts: 0 } }, 'at least 1'],
  ])('%j: %s', (options, message) => {
    expect(() => createClient(options)).toThrow(message)
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'a call takes no timeoutMs of %d',
    async (timeoutMs) => {
      await expect(testClient().client.bucket('default').get('k', { timeoutMs })).rejects.toThrow(
        TypeError,
      )
    },
  )

  test('an address may have a path, for a proxy', async () => {
    const { clock, store, client } = testClient({ endpoints: ['http://n1:8001/quorate/'] })
    await clock.run(client.bucket('default').get('k'))
    expect(store.seen[0]?.path).toBe('/quorate/v1/kv/default/k')
  })
})

describe('the deadline', () => {
  test('is one for all attempts, and each node is told its part', async () => {
    const { clock, store, client } = testClient({ timeoutMs: 4000, retry: { attempts: 4 } })
    store.before = () => new Promise<never>(() => undefined)
    const read = clock.run(client.bucket('default').get('k'))
    await expect(read).rejects.toMatchObject({ name: 'RejectedError', code: 'deadline_passed' })
    expect(clock.nowMs()).toBe(4000)
    expect(store.seen.map(({ query }) => query.get('timeout'))).toEqual([
      '900',
      '900',
      '900',
      '900',
    ])
    expect(clock.pending).toBe(0)
  })

  test('of a write without an answer makes its outcome unknown', async () => {
    const { clock, store, client } = testClient({ timeoutMs: 4000 })
    store.before = () => new Promise<never>(() => undefined)
    const write = clock.run(client.bucket('default').put('k', 'v', { timeoutMs: 1000 }))
    await expect(write).rejects.toBeInstanceOf(UnknownOutcomeError)
    expect(clock.nowMs()).toBe(1000)
    expect(store.seen).toHaveLength(1)
  })

  test('holds even if fetch ignores its signal', async () => {
    const clock = new VirtualClock()
    const fetch = () => new Promise<never>(() => undefined)
    const client = createClient({ endpoints: URLS, clock, fetch, timeoutMs: 700 })
    await expect(clock.run(client.bucket('default').get('k'))).rejects.toBeInstanceOf(RejectedError)
    expect(clock.nowMs()).toBeLessThanOrEqual(700)
  })
})

describe('a signal', () => {
  const reason = new Error('enough')

  test('that has aborted sends nothing', async () => {
    const { store, client } = testClient()
    const signal = AbortSignal.abort(reason)
    await expect(client.bucket('default').put('k', 'v', { signal })).rejects.toBe(reason)
    expect(store.seen).toEqual([])
  })

  test.each(['put', 'get'] as const)('that aborts during a %s', async (method) => {
    const { clock, store, client } = testClient()
    const controller = new AbortController()
    store.before = () => new Promise<never>(() => undefined)
    clock.after(100, () => controller.abort(reason))
    const { signal } = controller
    const bucket = client.bucket('default')
    const call: Promise<unknown> =
      method === 'get' ? bucket.get('k', { signal }) : bucket.put('k', 'v', { signal })
    const error: unknown = await clock.run(call).catch((thrown: unknown) => thrown)
    expect(clock.nowMs()).toBe(100)
    if (method === 'get') expect(error).toBe(reason)
    else expect(error).toMatchObject({ name: 'UnknownOutcomeError', cause: reason })
  })

  test('that aborts between rejected attempts leaves nothing applied', async () => {
    const { clock, store, client } = testClient({ endpoints: [URLS[0]] })
    const controller = new AbortController()
    store.before = () => problem('overloaded', { 'retry-after': '1' })
    clock.after(500, () => controller.abort(reason))
    const { signal } = controller
    await expect(clock.run(client.bucket('default').put('k', 'v', { signal }))).rejects.toBe(reason)
    expect(store.seen).toHaveLength(1)
  })

  test('keeps no listener of a call that has ended', async () => {
    const { clock, client } = testClient()
    const { signal } = new AbortController()
    await clock.run(client.bucket('default').put('k', 'v', { signal }))
    await clock.run(client.bucket('default').get('k', { signal }))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('failover', () => {
  test('moves on at once from a refused connection, and leaves that endpoint alone for a second', async () => {
    const asked: string[] = []
    const node = (name: string, then: Behaviour): Behaviour => {
      return (request) => {
        asked.push(name)
        return then(request)
      }
    }
    const { clock, client } = nodes(node('n1', refuse), node('n2', done2), node('n3', done2))
    for (let i = 0; i < 4; i++) await clock.run(client.bucket('default').put('k', 'v'))
    expect(clock.nowMs()).toBe(0)
    expect(asked).toEqual(['n1', 'n2', 'n2', 'n3', 'n2'])
    await clock.run(clock.sleep(1000))
    await clock.run(client.bucket('default').put('k', 'v'))
    await clock.run(client.bucket('default').put('k', 'v'))
    await clock.run(client.bucket('default').put('k', 'v'))
    expect(asked.slice(5)).toContain('n1')
  })

  test('asks each of three overloaded nodes once before Retry-After is over', async () => {
    const busy = (): Response => problem('overloaded', { 'retry-after': '2' })
    const { clock, client } = nodes(busy, busy, busy)
    const write = client.bucket('default').put('k', 'v')
    const error = await clock.run(write).catch((thrown: unknown) => thrown as RejectedError)
    expect(error).toBeInstanceOf(RejectedError)
    const { attempts } = error as RejectedError
    expect(attempts.map(({ endpoint }) => endpoint)).toEqual([...URLS, URLS[0], URLS[1]])
    expect(clock.nowMs()).toBe(2000)
  })

  test('sends a write that is above the rate of its token again when Retry-After is over', async () => {
    let asked = 0
    const limited = (): Response => {
      asked++
      return clock.nowMs() < 2000 ? problem('rate_limited', { 'retry-after': '2' }) : done()
    }
    const { clock, client } = nodes(limited, limited, limited)
    await clock.run(client.bucket('default').put('k', 'v'))
    expect([clock.nowMs(), asked]).toEqual([2000, 4])

    // It does not wait beyond its deadline.
    const { clock: other, client: hasty } = nodes(later, later, later)
    const write = hasty.bucket('default').put('k', 'v', { timeoutMs: 1000 })
    await expect(other.run(write)).rejects.toMatchObject({
      name: 'RejectedError',
      code: 'rate_limited',
      retryable: true,
    })
    expect(other.nowMs()).toBeLessThanOrEqual(1000)
  })

  test("goes to the node that coordinated the key's last write", async () => {
    const asked: string[] = []
    const node = (name: string): Behaviour => {
      return ({ method }) => {
        asked.push(name)
        // A node runs a read itself, even if it does not own the key.
        if (method === 'GET') return found('{"value":1}', { 'quorate-coordinator': name })
        return done({ 'quorate-coordinator': 'n2' })
      }
    }
    const [n1, n2, n3] = URLS
    const clock = new VirtualClock()
    const client = createClient({
      endpoints: { n1, n2, n3 },
      clock,
      random: fixedRandom(0),
      fetch: virtualFetch({ [n1]: node('n1'), [n2]: node('n2'), [n3]: node('n3') }),
    })
    const counters = client.counters('visits', { consistency: 'quorum' })
    await clock.run(counters.get('k'))
    for (let i = 0; i < 3; i++) await clock.run(counters.increment('k'))
    await clock.run(counters.get('k'))
    await clock.run(client.bucket('default').put('k', 'v'))
    expect(asked).toEqual(['n1', 'n2', 'n2', 'n2', 'n2', 'n3'])
  })
})

const later = (): Response => problem('rate_limited', { 'retry-after': '60' })

describe('errors', () => {
  test('name what was tried and what each node said', async () => {
    const { clock, client } = nodes(
      () => problem('quorum_unreachable', { 'retry-after': '9' }),
      refuse,
      () => problem('overloaded', { 'retry-after': '9' }),
    )
    const write = clock.run(client.bucket('default').put('a b', 'v'))
    const error = (await write.catch((thrown: unknown) => thrown)) as RejectedError
    expect(error).toMatchObject({ code: 'overloaded', outcome: 'rejected', retryable: true })
    expect(error.problem).toMatchObject({ status: 503, title: 'The node is overloaded' })
    expect(error.attempts.map(({ status, code }) => [status, code]).slice(0, 3)).toEqual([
      [503, 'quorum_unreachable'],
      [undefined, 'unreachable'],
      [503, 'overloaded'],
    ])
    expect(error.message).toMatch('PUT /v1/kv/default/a%20b was rejected: The node is overloaded')
    expect(error.message).toMatch('http://n1:8001: 503 quorum_unreachable after 0 ms')
  })

  test('without any node are unreachable', async () => {
    const { clock, client } = nodes(refuse, refuse, refuse)
    const write = clock.run(client.bucket('default').put('k', 'v'))
    await expect(write).rejects.toMatchObject({ name: 'RejectedError', code: 'unreachable' })
    const cut = nodes(() => new Response('<html>', { status: 200 }), stayCut, stayCut)
    const list = cut.clock.run(cut.client.bucket('default').keys()[Symbol.asyncIterator]().next())
    await expect(list).rejects.toMatchObject({ name: 'RejectedError' })
  })

  test('of a wrong request are not repeated', async () => {
    const { clock, client, store } = testClient()
    store.before = () => problem('mode_mismatch')
    const wrong = clock.run(client.bucket('default').put('k', 'v'))
    await expect(wrong).rejects.toBeInstanceOf(UsageError)
    expect(store.seen).toHaveLength(1)
    await expect(client.counters('visits').increment('k', 0.5)).rejects.toThrow(TypeError)
  })

  test('are those of the program if it passes a header that cannot be sent', async () => {
    const { client, store } = testClient()
    const context = 'a\nb'
    await expect(client.bucket('default').put('k', 'v', { context })).rejects.toThrow(TypeError)
    expect(store.seen).toEqual([])
  })

  test('come from a closed client, for calls under way and for later ones', async () => {
    const { clock, store, client } = testClient()
    store.before = () => new Promise<never>(() => undefined)
    const bucket = client.bucket('default', { consistency: 'quorum' })
    const [read, write] = [bucket.get('k'), bucket.put('k', 'v')]
    clock.after(10, () => void client.close())
    const ended = await clock.run(Promise.allSettled([read, write]))
    expect(ended).toMatchObject([
      { reason: { name: 'AbortError' } },
      { reason: { name: 'UnknownOutcomeError' } },
    ])
    await expect(client.bucket('default').get('k')).rejects.toThrow('the client is closed')
    expect(clock.pending).toBe(0)
  })
})

const done2: Behaviour = () => done()

function nodes(...behaviours: [Behaviour, Behaviour, Behaviour]) {
  const clock = new VirtualClock()
  const fetch = virtualFetch(Object.fromEntries(URLS.map((url, i) => [url, behaviours[i]!])))
  const client = createClient({ endpoints: URLS, clock, random: fixedRandom(0), fetch })
  return { clock, client }
}

test('a read takes the body whole, and an answer that breaks off is read again', async () => {
  let reads = 0
  const broken = (): Response => {
    reads++
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array([104]))
        controller.error(new TypeError('terminated'))
      },
    })
    return new Response(body)
  }
  const { clock, client } = nodes(broken, broken, () => found('hello'))
  const entry = await clock.run(client.bucket('default').get('k'))
  expect([entry.value(), reads]).toEqual(['hello', 2])
})
