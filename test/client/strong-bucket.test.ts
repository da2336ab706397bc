/** Strong keys: compare-and-set, updates among other writers, and writes that take effect once. */
import { describe, expect, test } from 'vitest'
import { json, RejectedError, UnknownOutcomeError } from '../../src/client/quorate.ts'
import { testClient } from './test-client.ts'
import { breakOff, problem } from './virtual-world.ts'

const PATH = '/v1/kv/strong/seat'

describe('compareAndSet', () => {
  test('writes an absent key once, and tells the ETag of its value', async () => {
    const { clock, client } = testClient()
    const seats = client.strong('strong')
    const first = await clock.run(seats.compareAndSet('seat', undefined, 'ada'))
    expect(first).toEqual({ isSet: true, etag: '"1"' })
    expect(await clock.run(seats.compareAndSet('seat', undefined, 'bob'))).toEqual({ isSet: false })
    expect(await clock.run(seats.compareAndSet('seat', '"1"', 'bob'))).toMatchObject({
      isSet: true,
    })
    expect(await clock.run(seats.compareAndSet('seat', '"1"', 'eve'))).toEqual({ isSet: false })
    expect(await clock.run(seats.get('seat'))).toMatchObject({ value: 'bob', etag: '"2"' })
    const gone = await clock.run(seats.compareAndSet('seat', '"2"', undefined))
    expect(gone).toEqual({ isSet: true, etag: undefined })
    expect(await clock.run(seats.get('seat'))).toMatchObject({ value: undefined, etag: undefined })
  })

  test('sends an attempt whose answer was lost again, under the same name', async () => {
    const { clock, store, client } = testClient()
    const behave = store.behave
    let lost = 2
    const fetched: (string | null)[] = []
    store.before = ({ headers }) => void fetched.push(headers.get('idempotency-key'))
    const seats = testClient({
      clock,
      fetch: async (url, init) => {
        const request = new Request(url, init)
        const answer = await behave(request)
        return lost-- > 0 ? breakOff(request) : answer
      },
    }).client.strong('strong')
    const swap = await clock.run(seats.compareAndSet('seat', undefined, 'ada'))
    expect(swap).toEqual({ isSet: true, etag: '"1"' })
    expect(fetched).toEqual(['name-0', 'name-0', 'name-0'])
    await clock.run(seats.put('seat', 'bob'))
    expect(fetched.at(-1)).toBe('name-1')
    expect(client.strong('strong').name).toBe('strong')
  })

  test('is unknown if a condition fails only after an attempt without an answer', async () => {
    const { clock, store, client } = testClient()
    store.before = ({ headers }) =>
      store.seen.length === 1 && headers.has('if-match') ? problem('outcome_unknown') : undefined
    const swap = clock.run(client.strong('strong').compareAndSet('seat', '"9"', 'ada'))
    await expect(swap).rejects.toBeInstanceOf(UnknownOutcomeError)
  })
})

describe('an update', () => {
  test('begins again until its own write is the next one', async () => {
    const { clock, store, client } = testClient()
    const counts = client.strong('strong', { format: json<number>() })
    store.replace(PATH, '1')
    let others = 5
    store.before = ({ method }) => {
      if (method === 'PUT' && others-- > 0) store.replace(PATH, String(10 * others))
    }
    const updated = await clock.run(counts.update('seat', (count = 0) => count + 1))
    expect(updated.value).toBe(1)
    expect(store.values(PATH)).toEqual(['1'])
  })

  test('is rejected after a bounded number of rounds', async () => {
    const { clock, store, client } = testClient({ timeoutMs: 60_000 })
    store.before = ({ method }) => {
      if (method === 'PUT') store.replace(PATH, 'other')
    }
    const update = clock.run(client.strong('strong').update('seat', () => 'own'))
    await expect(update).rejects.toBeInstanceOf(RejectedError)
    await expect(update).rejects.toMatchObject({ code: 'precondition_failed', retryable: true })
    expect(store.seen.filter(({ method }) => method === 'PUT')).toHaveLength(32)
  })

  test('to undefined deletes, and sends nothing for an absent key', async () => {
    const { clock, store, client } = testClient()
    const seats = client.strong('strong')
    await clock.run(seats.update('seat', () => undefined))
    expect(store.seen.map(({ method }) => method)).toEqual(['GET'])
    store.replace(PATH, 'x')
    await clock.run(seats.update('seat', () => undefined))
    expect(store.values(PATH)).toEqual([])
  })
})

test('a read may name a weaker level, a write asks for strong', async () => {
  const { clock, store, client } = testClient()
  const seats = client.strong('strong')
  await clock.run(seats.get('seat', { consistency: 'eventual' }))
  await clock.run(seats.put('seat', 'x', { ttlSeconds: 5 }))
  await clock.run(seats.delete('seat'))
  expect(store.seen.map(({ query }) => query.get('consistency'))).toEqual([
    'eventual',
    'strong',
    'strong',
  ])
  expect(store.seen[1]?.query.get('ttl')).toBe('5')
})
