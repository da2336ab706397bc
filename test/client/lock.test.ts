/** The lock on virtual time: who holds it, from when to when, and with which fence. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createClient,
  type Lock,
  LockLostError,
  RejectedError,
  UnknownOutcomeError,
} from '../../src/client/quorate.ts'
import { testClient } from './test-client.ts'
import { VirtualStore } from './virtual-store.ts'
import {
  breakOff,
  fixedRandom,
  problem,
  refuse,
  stayCut,
  VirtualClock,
  virtualFetch,
} from './virtual-world.ts'

const TTL = { ttlMs: 3000 }
const PATH = '/v1/kv/strong/job'

function twoClients() {
  const clock = new VirtualClock()
  const store = new VirtualStore()
  const cut = new Set<string>()
  const open = (name: string) => {
    const behave = (request: Request) => (cut.has(name) ? refuse(request) : store.behave(request))
    const random = { fraction: () => 0.5, name: () => `${name}-${names++}` }
    const endpoints = ['http://n1:8001']
    return createClient({
      endpoints,
      clock,
      random,
      fetch: virtualFetch({ 'http://n1:8001': behave }),
    })
  }
  let names = 0
  return { clock, store, cut, one: open('one'), two: open('two') }
}

describe('a lock', () => {
  test('passes on after a release, with a higher fence', async () => {
    const { clock, one, two } = twoClients()
    const first = await clock.run(one.lock('strong', 'job', TTL))
    const waiting = two.lock('strong', 'job', TTL)
    await clock.run(clock.sleep(4000))
    expect(first.signal.aborted).toBe(false)
    await clock.run(first.release())
    const second = await clock.run(waiting)
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(first.signal.aborted).toBe(false)
    await clock.run(second.release())
    await clock.run(second.release())
    const third = await clock.run(one.lock('strong', 'job', TTL))
    expect(third.fence).toBeGreaterThan(second.fence)
    await clock.run(third.release())
  })

  test('of a holder that is cut off ends for the holder before another client takes it', async () => {
    const { clock, cut, one, two } = twoClients()
    const held = await clock.run(one.lock('strong', 'job', TTL))
    let lostMs = Number.POSITIVE_INFINITY
    held.signal.addEventListener('abort', () => (lostMs = clock.nowMs()))
    cut.add('one')
    const next = await clock.run(two.lock('strong', 'job', { ...TTL, timeoutMs: 20_000 }))
    expect(lostMs).toBeLessThanOrEqual(clock.nowMs())
    expect(held.signal.reason).toBeInstanceOf(LockLostError)
    expect(next.fence).toBe(held.fence + 1)
    await clock.run(held.release())
    await clock.run(next.release())
  })

  test('that others hold is refused at the deadline', async () => {
    const { clock, one, two } = twoClients()
    const held = await clock.run(one.lock('strong', 'job', TTL))
    const refused = clock.run(two.lock('strong', 'job', { ...TTL, timeoutMs: 2000 }))
    await expect(refused).rejects.toBeInstanceOf(RejectedError)
    await expect(refused).rejects.toMatchObject({ code: 'deadline_passed' })
    await clock.run(held.release())
  })

  test('that is taken late is still held for half of its time', async () => {
    const { clock, store, one } = twoClients()
    let slow = 3
    store.before = async ({ method }) => {
      if (method === 'PUT' && slow-- > 0) await clock.sleep(2000)
    }
    const held = await clock.run(one.lock('strong', 'job', { ...TTL, timeoutMs: 30_000 }))
    await clock.run(clock.sleep(1499))
    expect(held.signal.aborted).toBe(false)
    await clock.run(held.release())
  })

  test('ends with its client', async () => {
    const { clock, one } = twoClients()
    const held = await clock.run(one.lock('strong', 'job', TTL))
    await clock.run(one.close())
    await clock.run(clock.sleep(10))
    expect(held.signal.aborted).toBe(true)
    await clock.run(held.release())
    expect(clock.pending).toBe(0)
  })

  test('is told from one that another client took after the entry was written by hand', async () => {
    const { clock, store, one } = twoClients()
    const held = await clock.run(one.lock('strong', 'job', TTL))
    store.replace(PATH, JSON.stringify({ fence: 9, holder: 'someone', ttlMs: 3000 }))
    await clock.run(clock.sleep(1500))
    expect(held.signal.aborted).toBe(true)
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(one.lock('strong', 'job', { signal: aborted })).rejects.toThrow('enough')
  })

  test('has a time to live that can be kept, and a bucket', async () => {
    const { client } = testClient()
    await expect(client.lock('strong', 'job', { ttlMs: 10 })).rejects.toThrow(TypeError)
    await expect(client.lock('no bucket', 'job')).rejects.toThrow(TypeError)
  })

  test('that is not taken tells if its entry may be there', async () => {
    const { clock, store, client } = testClient({ retry: false })
    store.before = ({ method }) => (method === 'PUT' ? problem('outcome_unknown') : undefined)
    const controller = new AbortController()
    clock.after(20, () => controller.abort(new Error('enough')))
    const { signal } = controller
    const taken = clock.run(client.lock('strong', 'job', { ...TTL, signal }))
    await expect(taken).rejects.toBeInstanceOf(UnknownOutcomeError)
  })

  test('that another client took meanwhile is refused', async () => {
    const { clock, store, client } = testClient({ retry: false })
    const other = JSON.stringify({ fence: 9, holder: 'someone', ttlMs: 60_000 })
    store.before = ({ method }) => {
      if (method !== 'PUT') return undefined
      store.replace(PATH, other)
      return problem('outcome_unknown')
    }
    const taken = clock.run(client.lock('strong', 'job', { ...TTL, timeoutMs: 1000 }))
    await expect(taken).rejects.toBeInstanceOf(RejectedError)
  })
})

test('answers that are lost in any way never make two holders', async () => {
  const faults = fc.constantFrom('ok', 'ok', 'ok', 'lost', 'late', 'refused', 'busy', 'silent')
  await fc.assert(
    fc.asyncProperty(fc.array(faults, { minLength: 1, maxLength: 40 }), async (script) => {
      const clock = new VirtualClock()
      const store = new VirtualStore()
      let requests = 0
      const behave = async (request: Request): Promise<Response> => {
        const fault = requests < script.length ? script[requests++] : 'ok'
        await clock.sleep(20)
        if (fault === 'refused') return refuse(request)
        if (fault === 'busy') return problem('overloaded')
        const answer = await store.behave(request)
        if (fault === 'lost') return breakOff(request)
        if (fault === 'silent') return stayCut(request)
        if (fault === 'late') await clock.sleep(700)
        return answer
      }
      let names = 0
      const client = createClient({
        endpoints: ['http://n1:8001'],
        clock,
        random: { ...fixedRandom(), name: () => `name-${names++}` },
        fetch: virtualFetch({ 'http://n1:8001': behave }),
      })
      const holders = new Set<Lock>()
      let fence = 0
      const work = async (): Promise<void> => {
        for (let turn = 0; turn < 2; turn++) {
          const lock = await client.lock('strong', 'job', { ttlMs: 2000, timeoutMs: 60_000 })
          for (const other of holders) expect(other.signal.aborted).toBe(true)
          expect(lock.fence).toBeGreaterThan(fence)
          fence = lock.fence
          holders.add(lock)
          await clock.sleep(1500)
          holders.delete(lock)
          await lock.release()
        }
      }
      const ended = await clock.run(Promise.allSettled([work(), work(), work()]))
      for (const one of ended) {
        if (one.status === 'rejected') expect(one.reason).not.toBeInstanceOf(TypeError)
        if (one.status === 'rejected' && !('code' in one.reason)) throw one.reason
      }
      await client.close()
    }),
    { numRuns: 25 },
  )
})
