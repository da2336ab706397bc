/** Updates under an idempotency key while a member is down that may be of the version that does not know such keys. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bucket } from '../../src/core/placement/topology.ts'
import { VERSIONS } from '../../src/core/protocol-versions.ts'
import { type Id, VirtualCluster } from './virtual-cluster.ts'

const COUNTS: Bucket = {
  name: 'counts',
  mode: 'counter',
  n: 3,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
}

let cluster: VirtualCluster

beforeEach(() => {
  cluster = new VirtualCluster('versions of members')
})

afterEach(() => expect(cluster.broken).toEqual([]))

/** Those nodes, until they know each other. */
async function start(...ids: readonly Id[]): Promise<void> {
  for (const id of ids) cluster.node(id).start()
  await cluster.until(() => ids.every((id) => cluster.node(id).isUp))
  await cluster.pass(5)
}

async function restart(id: Id): Promise<void> {
  cluster.node(id).crash('process')
  await start(id)
}

const createBucket = (): Promise<unknown> =>
  cluster.ask('n1', (service) => service.createBucket(COUNTS, 2000))

async function increment(id: Id, idempotencyKey?: string): Promise<string> {
  const change = { type: 'counter', increment: 1 } as const
  const at = { bucket: 'counts', key: 'k', level: 'quorum', requestId: 'test' } as const
  const answer = await cluster.ask(id, (service) =>
    service.update({ ...at, change, idempotencyKey, fingerprint: 'one' }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

test('a keyed increment waits for a member of the older version also while that is down, and after a restart', async () => {
  await start('n1', 'n2', 'n3')
  await createBucket()
  cluster.node('n3').protocol = VERSIONS.oldest
  await restart('n3')
  cluster.node('n3').crash('process')
  await cluster.pass(5)
  for (const id of ['n1', 'n2'] as const) {
    expect(await increment(id, 'a')).toBe('quorum_unreachable')
    expect(await increment(id)).toBe('ok')
  }
  await restart('n1')
  expect(await increment('n1', 'a')).toBe('quorum_unreachable')
  // It is upgraded.
  cluster.node('n3').protocol = VERSIONS.newest
  await start('n3')
  expect(await increment('n1', 'a')).toBe('ok')
  // And may go again.
  cluster.node('n3').crash('process')
  await restart('n1')
  for (const id of ['n1', 'n2'] as const) expect(await increment(id, 'a')).toBe('ok')
})

test('a keyed increment does not wait for a member that has never been there', async () => {
  await start('n1', 'n2')
  await createBucket()
  for (const id of ['n1', 'n2'] as const) expect(await increment(id, 'a')).toBe('ok')
  await restart('n1')
  expect(await increment('n1', 'b')).toBe('ok')
})

test('a node that was away while a member was upgraded hears of that from the others', async () => {
  cluster.node('n3').protocol = VERSIONS.oldest
  await start('n1', 'n2', 'n3')
  cluster.node('n1').crash('process')
  cluster.node('n3').protocol = VERSIONS.newest
  await restart('n3')
  cluster.node('n3').crash('process')
  await start('n1')
  await createBucket()
  expect(await increment('n1', 'a')).toBe('ok')
})
