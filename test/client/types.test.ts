/** What the types promise. `npm run types` checks this file; running it checks next to nothing. */
import { expect, expectTypeOf, test } from 'vitest'
import {
  bytes,
  createClient,
  type Entry,
  type Format,
  json,
  type Lock,
  Quorate,
  type RejectedError,
  type RequestError,
  type StrongBucket,
  type Swap,
  type UnknownOutcomeError,
  type UsageError,
  type WatchEvent,
} from '../../src/client/quorate.ts'

interface Cart {
  readonly items: readonly string[]
}

const client = createClient({ endpoints: ['http://localhost:8001'] })

test('createClient gives a Quorate, which closes itself', () => {
  expectTypeOf(client).toEqualTypeOf<Quorate>()
  expectTypeOf(client).toExtend<AsyncDisposable>()
  expect(new Quorate({ endpoints: { n1: 'http://localhost:8001' } })).toBeInstanceOf(Quorate)
  // @ts-expect-error A client needs endpoints.
  expect(() => createClient({})).toThrow(TypeError)
})

test('values have the type of the format, and are text without one', () => {
  const texts = client.bucket('default', { consistency: 'causal' })
  const carts = client.bucket('default', {
    format: json<Cart>(),
    merge: ([first]) => first as Cart,
  })
  const raw = client.bucket('default', { format: bytes })
  expectTypeOf<(typeof texts)['get']>().returns.resolves.toEqualTypeOf<Entry<string>>()
  expectTypeOf<(typeof carts)['get']>().returns.resolves.toEqualTypeOf<Entry<Cart>>()
  expectTypeOf<(typeof carts)['put']>().parameter(1).toEqualTypeOf<Cart>()
  expectTypeOf<Entry<Cart>['value']>().returns.toEqualTypeOf<Cart | undefined>()
  expectTypeOf<(typeof raw)['get']>().returns.resolves.toEqualTypeOf<
    Entry<Uint8Array<ArrayBuffer>>
  >()
  expectTypeOf<(typeof carts)['update']>()
    .parameter(1)
    .parameter(0)
    .toEqualTypeOf<Cart | undefined>()
  // @ts-expect-error Nothing makes a Cart of the stored text.
  client.bucket<Cart>('default')
  // @ts-expect-error A merge of carts does not fit values that are text.
  client.bucket('default', { merge: (carts: readonly Cart[]) => carts[0] as Cart })
  const unsent = (): unknown => [
    // @ts-expect-error A cart is no text.
    texts.put('k', { items: [] }),
    // @ts-expect-error There is no such level here.
    texts.get('k', { consistency: 'strong' }),
  ]
  expectTypeOf(unsent).toBeFunction()
})

test('a format of the program brings its own type', () => {
  const dates: Format<Date> = {
    contentType: 'text/plain',
    encode: (date) => date.toISOString(),
    decode: (value) => new Date(new TextDecoder().decode(value)),
  }
  const days = client.strong('strong', { format: dates })
  expectTypeOf<(typeof days)['get']>()
    .returns.resolves.toHaveProperty('value')
    .toEqualTypeOf<Date | undefined>()
})

test('a swap tells its ETag only if it is set', () => {
  expectTypeOf<StrongBucket<string>['compareAndSet']>().returns.resolves.toEqualTypeOf<Swap>()
  expectTypeOf<Extract<Swap, { isSet: false }>>().not.toHaveProperty('etag')
})

test('a session has the buckets of the client, and a token', () => {
  const session = client.session()
  expectTypeOf(session.token).toEqualTypeOf<string | undefined>()
  expectTypeOf<
    ReturnType<typeof session.counters>['get']
  >().returns.resolves.toEqualTypeOf<number>()
  expectTypeOf<ReturnType<typeof session.sets>['get']>().returns.resolves.toEqualTypeOf<
    ReadonlySet<string>
  >()
  // @ts-expect-error A lock belongs to no session.
  expect(session.lock).toBeUndefined()
})

test('a lock can be used with await using', () => {
  expectTypeOf<Lock>().toExtend<AsyncDisposable>()
  expectTypeOf<Lock['fence']>().toEqualTypeOf<number>()
})

test('errors are told apart by their outcome', () => {
  expectTypeOf<RejectedError['outcome']>().toEqualTypeOf<'rejected'>()
  expectTypeOf<UsageError['outcome']>().toEqualTypeOf<'rejected'>()
  expectTypeOf<UnknownOutcomeError['outcome']>().toEqualTypeOf<'unknown'>()
  expectTypeOf<RequestError['outcome']>().toEqualTypeOf<'rejected' | 'unknown'>()
})

test('a watch tells events, of which changes alone have a key', () => {
  expectTypeOf(client.bucket('default').watch()).toExtend<AsyncIterable<WatchEvent>>()
  const keyOf = (event: WatchEvent): string | undefined => {
    // @ts-expect-error A reset has no key.
    if (event.type === 'reset') return event.key
    return event.type === 'put' ? `${event.key} ${event.etag}` : undefined
  }
  expect(keyOf({ type: 'delete', key: 'k' })).toBeUndefined()
  // @ts-expect-error A watch begins after a position, or with everything, or now.
  expect(() => client.bucket('default').watch({ since: 'a' })).not.toThrow()
})
