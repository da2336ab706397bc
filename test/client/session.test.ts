/** Causal sessions: which requests belong to one, and in which order they run. */
import { describe, expect, test } from 'vitest'
import { RejectedError } from '../../src/client/quorate.ts'
import { testClient, type TestClient } from './test-client.ts'
import { done, problem } from './virtual-world.ts'

/** A store that answers after 10 ms. Each token names the requests that the session has seen. */
function slowStore(level: string): TestClient & { readonly atOnce: () => number } {
  const world = testClient()
  let running = 0
  let most = 0
  let count = 0
  world.store.before = async ({ headers, query }) => {
    most = Math.max(most, ++running)
    await world.clock.sleep(10)
    running--
    const kept = query.get('consistency') ?? level
    const past = headers.get('quorate-session')
    const session = `${past ?? ''}.${++count}`
    const isInSession = kept === 'causal' || past !== null
    return done({
      'quorate-consistency': kept,
      ...(isInSession ? { 'quorate-session': session } : {}),
    })
  }
  return { ...world, atOnce: () => most }
}

const tokensOf = ({ store }: TestClient): (string | null)[] =>
  store.seen.map(({ headers }) => headers.get('quorate-session'))

describe('the session of the client', () => {
  test('goes from answer to request at causal, one request after the other', async () => {
    const world = slowStore('quorum')
    const causal = world.client.bucket('default', { consistency: 'causal' })
    const other = world.client.counters('visits', { consistency: 'causal' })
    await world.clock.run(
      Promise.all([causal.put('a', '1'), other.increment('k'), causal.delete('a')]),
    )
    expect(tokensOf(world)).toEqual([null, '.1', '.1.2'])
    expect(world.atOnce()).toBe(1)
  })

  test('is not touched at other levels, which run beside each other', async () => {
    const world = slowStore('quorum')
    const bucket = world.client.bucket('default')
    await world.clock.run(bucket.put('a', '1', { consistency: 'causal' }))
    const puts = Array.from({ length: 5 }, () => bucket.put('a', '2', { consistency: 'quorum' }))
    await world.clock.run(Promise.all(puts))
    expect(tokensOf(world)).toEqual([null, null, null, null, null, null])
    expect(world.atOnce()).toBe(5)
  })

  test('learns the default level of a bucket from one request', async () => {
    const world = slowStore('quorum')
    const bucket = world.client.bucket('default')
    await world.clock.run(Promise.all(Array.from({ length: 6 }, () => bucket.put('a', '1'))))
    expect(world.clock.nowMs()).toBe(20)
    expect(world.atOnce()).toBe(5)
  })

  test('takes in the requests of a bucket whose default is causal', async () => {
    const world = slowStore('causal')
    const bucket = world.client.bucket('default')
    await world.clock.run(Promise.all([1, 2, 3].map(() => bucket.put('a', '1'))))
    expect(tokensOf(world)).toEqual([null, '.1', '.1.2'])
  })

  test('asks for the level again if the first request fails', async () => {
    const { clock, store, client } = testClient({ retry: false })
    store.before = () => (store.seen.length === 1 ? problem('overloaded') : done())
    const bucket = client.bucket('default')
    const ended = await clock.run(Promise.allSettled([bucket.put('a', '1'), bucket.put('a', '2')]))
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })
})

describe('a session of its own', () => {
  test('takes in requests of every level, and continues elsewhere with its token', async () => {
    const world = slowStore('quorum')
    const session = world.client.session()
    expect(session.token).toBeUndefined()
    await world.clock.run(session.bucket('default').put('a', '1', { consistency: 'causal' }))
    await world.clock.run(session.strong('strong').put('a', '1'))
    await world.clock.run(session.sets('tags').add('a', ['x']))
    expect(tokensOf(world)).toEqual([null, '.1', '.1.2'])
    const later = world.client.session(session.token)
    await world.clock.run(later.bucket('default').put('a', '2'))
    expect(later.token).toBe('.1.2.3.4')
    expect(session.token).toBe('.1.2.3')
  })

  test('keeps its token after a failure, and begins anew after bad_session', async () => {
    const { clock, store, client } = testClient({ retry: false })
    const session = client.session('old')
    store.before = () => problem('quorum_unreachable')
    await expect(clock.run(session.bucket('default').put('a', '1'))).rejects.toThrow()
    expect(session.token).toBe('old')
    store.before = () => problem('bad_session')
    const refused = clock.run(session.bucket('default').put('a', '1'))
    await expect(refused).rejects.toMatchObject({ name: 'RejectedError', code: 'bad_session' })
    expect(session.token).toBeUndefined()
  })

  test('lets the next request run after one that ended in the queue', async () => {
    const world = slowStore('quorum')
    const bucket = world.client.session().bucket('default')
    const controller = new AbortController()
    const reason = new Error('enough')
    const first = bucket.put('a', '1')
    const late = bucket.put('a', '2', { timeoutMs: 5 })
    const aborted = bucket.put('a', '3', { signal: controller.signal })
    const last = bucket.put('a', '4')
    world.clock.after(1, () => controller.abort(reason))
    const ended = await world.clock.run(Promise.allSettled([first, late, aborted, last]))
    expect(ended).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'deadline_passed', attempts: [] } },
      { reason },
      { status: 'fulfilled' },
    ])
    expect((ended[1] as PromiseRejectedResult).reason).toBeInstanceOf(RejectedError)
    expect(world.store.seen).toHaveLength(2)
    expect(world.atOnce()).toBe(1)
  })
})
