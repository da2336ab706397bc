/** Buckets with siblings: values, contexts, and updates while others write. */
import { describe, expect, test } from 'vitest'
import { bytes, FormatError, json, RejectedError, SiblingsError } from '../../src/client/quorate.ts'
import { testClient } from './test-client.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { fixedRandom, problem } from './virtual-world.ts'

const PATH = '/v1/kv/default/cart'
const merge = (carts: readonly string[][]): string[] => [...new Set(carts.flat())].sort()

test('half of a surrogate pair is refused before anything is sent', async () => {
  const { clock, store, client } = testClient()
  const half = 'a\ud83d'
  const calls: readonly (() => Promise<unknown>)[] = [
    () => client.bucket('default').put('k', half),
    () => client.strong('strong').put('k', half),
    () => client.sets('tags').add('k', ['b', half]),
    () => client.sets('tags').remove('k', [half]),
    () => client.bucket('default').get(half),
  ]
  for (const call of calls) {
    await expect(clock.run(call())).rejects.toThrow(/half of a surrogate pair/)
  }
  expect(store.seen).toEqual([])
})

describe('values', () => {
  test('as text, bytes and JSON, with their content types', async () => {
    const { clock, store, client } = testClient()
    await clock.run(client.bucket('default').put('cart', 'täglich \uFEFF'))
    expect((await clock.run(client.bucket('default').get('cart'))).value()).toBe('täglich \uFEFF')
    const raw = client.bucket('default', { format: bytes })
    await clock.run(raw.put('cart', new Uint8Array([104, 105]), { ttlSeconds: 60 }))
    expect((await clock.run(raw.get('cart'))).value()).toEqual(new Uint8Array([104, 105]))
    await clock.run(client.bucket('default', { format: json() }).put('cart', { a: [1] }))
    expect(store.values(PATH)).toEqual(['{"a":[1]}'])
    const puts = store.seen.filter(({ method }) => method === 'PUT')
    expect(puts.map(({ headers }) => headers.get('content-type'))).toEqual([
      'text/plain; charset=utf-8',
      'application/octet-stream',
      'application/json',
    ])
    expect(puts[1]?.query.get('ttl')).toBe('60')
  })

  test('that the format cannot read are errors, not replacement characters', async () => {
    const { clock, store, client } = testClient()
    store.before = () => new Response(new Uint8Array([0xff, 0xfe]))
    await expect(clock.run(client.bucket('default').get('cart'))).rejects.toBeInstanceOf(
      FormatError,
    )
    store.replace(PATH, 'not JSON')
    store.before = undefined
    const cart = clock.run(client.bucket('default', { format: json() }).get('cart'))
    await expect(cart).rejects.toThrow('default/cart')
  })

  test('that have no form as JSON are refused before anything is sent', async () => {
    const { store, client } = testClient()
    const anything = client.bucket('default', { format: json<unknown>() })
    await expect(anything.put('cart', () => 1)).rejects.toThrow(TypeError)
    await expect(anything.put('cart', undefined)).rejects.toThrow('use delete')
    expect(store.seen).toEqual([])
  })

  test('in base64 come from siblings that are not UTF-8', async () => {
    const { clock, store, client } = testClient()
    store.before = () =>
      Response.json(
        {
          siblings: [
            {
              id: 'a',
              contentType: 'x/y',
              node: 'n1',
              time: '2026-01-01T00:00:00.000Z',
              value: 'A',
            },
            {
              id: 'b',
              contentType: 'x/y',
              node: 'n2',
              time: '2026-01-01T00:00:01.000Z',
              valueBase64: '/wA=',
            },
          ],
        },
        { status: 300 },
      )
    const { siblings } = await clock.run(client.bucket('default', { format: bytes }).get('cart'))
    expect(siblings.map(({ value }) => [...value])).toEqual([[65], [255, 0]])
    expect(siblings[1]).toMatchObject({
      id: 'b',
      node: 'n2',
      time: new Date('2026-01-01T00:00:01Z'),
    })
  })
})

describe('a read', () => {
  test('of an absent key has no siblings and no value', async () => {
    const { clock, client } = testClient()
    const entry = await clock.run(client.bucket('default').get('cart'))
    expect(entry).toMatchObject({ siblings: [], etag: undefined })
    expect(entry.value()).toBeUndefined()
  })

  test('of several values gives all, and one only with a merge', async () => {
    const { clock, store, client } = testClient()
    store.writeBeside(PATH, '["tea"]')
    store.writeBeside(PATH, '["rice"]')
    const plain = await clock.run(client.bucket('default').get('cart'))
    expect(plain.siblings.map(({ value }) => value)).toEqual(['["tea"]', '["rice"]'])
    expect(() => plain.value()).toThrow(SiblingsError)
    const merged = client.bucket('default', { format: json<string[]>(), merge })
    expect((await clock.run(merged.get('cart'))).value()).toEqual(['rice', 'tea'])
  })

  test('of a bucket that does not exist is an error, unlike one of an absent key', async () => {
    const { clock, store, client } = testClient()
    store.before = () => problem('bucket_unknown')
    const read = clock.run(client.bucket('default').get('cart'))
    await expect(read).rejects.toMatchObject({ name: 'RejectedError', code: 'bucket_unknown' })
  })
})

describe('an update', () => {
  const carts = { format: json<string[]>(), merge } as const
  const add = (item: string) => (cart: string[] | undefined) => [...(cart ?? []), item]

  test('merges siblings, and replaces what it has read', async () => {
    const { clock, store, client } = testClient()
    store.writeBeside(PATH, '["tea"]')
    store.writeBeside(PATH, '["rice"]')
    const updated = await clock.run(client.bucket('default', carts).update('cart', add('milk')))
    expect(updated).toMatchObject({ value: ['rice', 'tea', 'milk'], siblings: 1 })
    expect(store.values(PATH)).toEqual(['["rice","tea","milk"]'])
  })

  test('applies the change once while others write, and merges their values', async () => {
    const { clock, store, client } = testClient()
    let others = 3
    store.before = ({ method }) => {
      if (method === 'PUT' && others-- > 0) store.writeBeside(PATH, `["other${others}"]`)
    }
    let changes = 0
    const updated = await clock.run(
      client.bucket('default', carts).update('cart', (cart = []) => {
        changes++
        return [...cart, 'milk']
      }),
    )
    expect(changes).toBe(1)
    expect(updated).toMatchObject({ value: ['milk', 'other0', 'other1', 'other2'], siblings: 1 })
    expect(store.values(PATH)).toEqual(['["milk","other0","other1","other2"]'])
  })

  test.each([1, 2, 3])(
    'among ten at once leaves one value with all changes (seed %i)',
    async (seed) => {
      const seeded = new SeededRandom(String(seed))
      const random = { ...fixedRandom(), fraction: () => seeded.below(1000) / 1000 }
      const { clock, store, client } = testClient({ random })
      // Each request takes a while, so that requests overlap.
      store.before = () => clock.sleep(5)
      const bucket = client.bucket('default', { ...carts, consistency: 'quorum' })
      const items = [...'abcdefghij']
      await clock.run(Promise.all(items.map((item) => bucket.update('cart', add(item)))))
      expect(store.values(PATH)).toHaveLength(1)
      expect((JSON.parse(store.values(PATH)[0] ?? '') as string[]).sort()).toEqual(items)
    },
  )

  test('merges a value that its own write was not told of', async () => {
    const { clock, store, client } = testClient()
    let reads = 0
    store.before = ({ method }) => {
      if (method === 'GET' && ++reads === 2) store.writeBeside(PATH, '["other"]')
    }
    const updated = await clock.run(client.bucket('default', carts).update('cart', add('milk')))
    expect(updated).toMatchObject({ value: ['milk', 'other'], siblings: 1 })
    expect(store.values(PATH)).toEqual(['["milk","other"]'])
  })

  test('ends after a bounded number of merges, and tells how many values are left', async () => {
    const { clock, store, client } = testClient()
    store.before = ({ method }) => {
      if (method === 'PUT') store.writeBeside(PATH, '["other"]')
    }
    const updated = await clock.run(client.bucket('default', carts).update('cart', add('milk')))
    expect(updated.siblings).toBe(2)
    expect(store.seen.filter(({ method }) => method === 'PUT')).toHaveLength(33)
  })

  test.each(['quorum_unreachable', 'outcome_unknown', 'bad_parameter'] as const)(
    'does not fail with %s once its change is stored',
    async (code) => {
      const { clock, store, client } = testClient({ timeoutMs: 900 })
      let puts = 0
      store.before = ({ method }) => {
        if (method !== 'PUT') return undefined
        if (puts++ > 0) return problem(code)
        store.writeBeside(PATH, '["other"]')
        return undefined
      }
      const updated = await clock.run(client.bucket('default', carts).update('cart', add('milk')))
      expect(updated).toMatchObject({ value: ['milk'], siblings: 2 })
      expect(store.values(PATH)).toEqual(['["other"]', '["milk"]'])
    },
  )

  test('that is rejected has applied nothing', async () => {
    const { clock, store, client } = testClient({ timeoutMs: 500 })
    store.before = ({ method }) =>
      method === 'PUT' ? problem('quorum_unreachable', { 'retry-after': '1' }) : undefined
    const update = clock.run(client.bucket('default', carts).update('cart', add('milk')))
    await expect(update).rejects.toBeInstanceOf(RejectedError)
    expect(store.values(PATH)).toEqual([])
  })

  test('without a merge needs one value, and leaves later ones beside its own', async () => {
    const { clock, store, client } = testClient()
    const texts = client.bucket('default')
    store.before = ({ method }) => {
      if (method === 'PUT') store.writeBeside(PATH, 'other')
    }
    const first = await clock.run(texts.update('cart', () => 'own'))
    expect(first.siblings).toBe(2)
    await expect(clock.run(texts.update('cart', () => 'own'))).rejects.toBeInstanceOf(SiblingsError)
  })

  test('to undefined deletes, and sends nothing for an absent key', async () => {
    const { clock, store, client } = testClient()
    const texts = client.bucket('default')
    await clock.run(texts.update('cart', () => undefined))
    expect(store.seen.map(({ method }) => method)).toEqual(['GET'])
    store.replace(PATH, 'x')
    const updated = await clock.run(texts.update('cart', () => undefined))
    expect(updated).toMatchObject({ value: undefined, siblings: 0 })
    expect(store.values(PATH)).toEqual([])
  })

  test('has one deadline for all that it sends', async () => {
    const { clock, store, client } = testClient({ timeoutMs: 1000 })
    store.before = async ({ method }) => {
      await clock.sleep(150)
      if (method === 'PUT') store.writeBeside(PATH, '["other"]')
    }
    const updated = await clock.run(client.bucket('default', carts).update('cart', add('milk')))
    expect(clock.nowMs()).toBe(1000)
    expect(updated).toMatchObject({ value: ['milk', 'other'], siblings: 2 })
  })

  test('passes on what its change throws', async () => {
    const { clock, client } = testClient()
    const failure = new Error('no')
    const update = client.bucket('default').update('cart', () => Promise.reject(failure))
    await expect(clock.run(update)).rejects.toBe(failure)
  })
})

test('a write tells its context, its quorum and the node', async () => {
  const { clock, store, client } = testClient()
  store.before = ({ method }) =>
    new Response(null, {
      status: method === 'PUT' ? 202 : 204,
      headers: {
        'quorate-coordinator': 'n2',
        'quorate-consistency': 'weak',
        'quorate-quorum': 'need=2, got=3, hinted=1',
        'quorate-existed': 'true',
      },
    })
  const bucket = client.bucket('default', { consistency: 'weak' })
  const told = { node: 'n2', level: 'weak', quorum: { need: 2, got: 3, hinted: 1 } }
  expect(await clock.run(bucket.put('cart', 'x'))).toMatchObject({ ...told, isStored: false })
  expect(await clock.run(bucket.delete('cart'))).toMatchObject({ isStored: true, existed: true })
  expect(store.seen.map(({ query }) => query.get('consistency'))).toEqual(['weak', 'weak'])
})
