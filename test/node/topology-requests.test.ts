/** What is asked of the topology document while the members change. */
import { expect, test } from 'vitest'
import type { Bucket } from '../../src/core/placement/topology.ts'
import { VirtualCluster } from './virtual-cluster.ts'

function bucket(name: string, n: number): Bucket {
  const common = { consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
  return { name, mode: 'siblings', n, ...common }
}

test('no bucket is made whose copies would have to be moved by a move that has begun without them', async () => {
  const cluster = new VirtualCluster('bucket in a move')
  await cluster.start()
  await cluster.pass(2)
  const create = async (name: string, n: number): Promise<string> => {
    const answer = await cluster.ask('n1', (service) => service.createBucket(bucket(name, n), 2000))
    return typeof answer === 'string' ? answer : 'ok'
  }
  // It never comes, so copies are being moved for as long as nobody cancels it.
  const member = { id: 'n4', peerUrl: 'sim://n4', zone: 'n4' }
  await cluster.ask('n1', (service) => service.applyChange({ kind: 'join', member }, 2000))
  expect(await create('single', 1)).toBe('change_under_way')
  expect(await create('triple', 3)).toBe('ok')
  await cluster.ask('n1', (service) => service.cancelChange(2000))
  expect(await create('single', 1)).toBe('ok')
  expect(cluster.broken).toEqual([])
})
