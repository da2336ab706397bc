/** What a node says of itself in a handshake, and which process of a peer it lets in while its disk is at work. */
import { describe, expect, it } from 'vitest'
import { OwnCluster } from '../../../src/core/membership/cluster-identity.ts'
import { NodeDoorkeeper } from '../../../src/node/peers/doorkeeper.ts'
import { type FenceStore, LifeFences } from '../../../src/node/peers/life-fences.ts'
import type { Encodable } from '../../../src/ports/codec.ts'

/** Takes values only when it is told to, in whatever order. */
class SlowStore implements FenceStore {
  #saved: Encodable | undefined
  readonly waiting: { finish: () => void; fail: () => void }[] = []

  get(): Encodable | undefined {
    return this.#saved
  }

  set(_name: 'fences', value: Encodable): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const finish = (): void => {
      this.#saved = value
      resolve()
    }
    this.waiting.push({ finish, fail: () => reject(new Error('the disk is full')) })
    return promise
  }
}

describe('a node that knows the id of its cluster from one handshake alone', () => {
  it('does not pass that id on before the cluster has agreed on it', async () => {
    const cluster = new OwnCluster(undefined)
    const topology: { identity?: string } = {}
    const doorkeeper = new NodeDoorkeeper({
      self: 'n1',
      founding: () => 'n1,n2',
      cluster,
      agreedId: () => topology.identity,
      epoch: () => 1,
      life: 1,
      fences: new LifeFences(new SlowStore()),
      isLinked: () => false,
    })
    await doorkeeper.welcome('n2', { founding: 'n1,n2', clusterId: 'learned' }, true)
    expect(cluster.id).toBe('learned')
    expect(doorkeeper.introduce().clusterId).toBeUndefined()
    topology.identity = 'learned'
    expect(doorkeeper.introduce().clusterId).toBe('learned')
  })
})

describe('a fence that the disk did not take', () => {
  it('is stored with the next handshake of the same process', async () => {
    const store = new SlowStore()
    const fences = new LifeFences(store)
    const first = fences.take('n2', 1)
    store.waiting[0]?.finish()
    await first
    const second = fences.take('n2', 2)
    store.waiting[1]?.fail()
    await second
    expect(new LifeFences(store).judge('n2', 1, false)).toBe('current')
    const third = fences.take('n2', 2)
    store.waiting[2]?.finish()
    await third
    expect(new LifeFences(store).judge('n2', 1, false)).toBe('superseded')
    // It is on the disk: nothing more is written.
    await fences.take('n2', 2)
    expect(store.waiting.length).toBe(3)
  })
})

describe('a handshake that waits for the disk', () => {
  it.each(['finish', 'fail'] as const)(
    'keeps a second process of the same node out until its fence is stored: %s',
    async (end) => {
      const store = new SlowStore()
      const fences = new LifeFences(store)
      const taken = fences.take('n2', 1)
      expect(fences.judge('n2', 2, false)).toBe('in_use')
      expect(fences.judge('n2', 1, false)).toBe('current')
      store.waiting[0]?.[end]()
      await taken
      expect(fences.judge('n2', 1, false)).toBe('current')
      // The link of the first process has not come about, or is broken again.
      expect(fences.judge('n2', 2, false)).toBe('newcomer')
    },
  )

  it('does not hold up a peer whose fence is stored', async () => {
    const store = new SlowStore()
    const fences = new LifeFences(store)
    const known = fences.take('n2', 1)
    store.waiting[0]?.finish()
    await known
    const stalled = fences.take('n3', 1)
    await fences.take('n2', 1)
    store.waiting[1]?.finish()
    await stalled
  })
})
