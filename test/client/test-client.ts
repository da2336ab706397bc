/** A client of one virtual store, on virtual time. */
import { type ClientOptions, createClient, type Quorate } from '../../src/client/quorate.ts'
import { VirtualStore } from './virtual-store.ts'
import { fixedRandom, VirtualClock, virtualFetch } from './virtual-world.ts'

export interface TestClient {
  readonly clock: VirtualClock
  readonly store: VirtualStore
  readonly client: Quorate
}

export const URLS = ['http://n1:8001', 'http://n2:8001', 'http://n3:8001'] as const

/** Every endpoint leads to the same store. */
export function testClient(options: Partial<ClientOptions> = {}): TestClient {
  const clock = new VirtualClock()
  const store = new VirtualStore()
  const fetch = virtualFetch(Object.fromEntries(URLS.map((url) => [url, store.behave])))
  const given = { endpoints: URLS, clock, random: fixedRandom(0), fetch, ...options }
  return { clock, store, client: createClient(given) }
}
