/** The topology register while its acceptors forget. */
import { expect, test } from 'vitest'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const bucket = (name: string): Bucket => ({
  name,
  mode: 'siblings',
  n: 3,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
})

async function create(cluster: VirtualCluster, id: Id, name: string): Promise<string> {
  const answer = await cluster.ask(id, (service) => service.createBucket(bucket(name), 1500))
  return typeof answer === 'string' ? answer : 'ok'
}

test('a node that has lost its directory decides nothing that its earlier life had decided otherwise', async () => {
  const cluster = new VirtualCluster('topology')
  await cluster.start()
  const healLast = cluster.isolate('n3')
  expect(await create(cluster, 'n1', 'first')).toBe('ok')
  // Of the majority that decided it one forgets, and the other one is cut off.
  cluster.node('n2').crash('machine')
  cluster.node('n2').platter.wipe()
  const healFirst = cluster.isolate('n1')
  healLast()
  cluster.node('n2').start()
  await cluster.pass(20)
  expect(await create(cluster, 'n3', 'second')).not.toBe('ok')
  healFirst()
  await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
  await cluster.pass(10)
  expect(await create(cluster, 'n3', 'third')).toBe('ok')
  await cluster.pass(5)
  for (const id of IDS) {
    const names = cluster
      .node(id)
      .service?.topology()
      .buckets.map(({ name }) => name)
    expect(names).toContain('first')
    expect(names).toContain('third')
  }
  expect(cluster.broken).toEqual([])
})
