/** A node joins by name and never comes: the cluster goes on, and the join can be undone. */
import { expect, test } from 'vitest'
import { type Id, VirtualCluster, withCluster } from '../virtual-cluster.ts'

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`)

async function join(cluster: VirtualCluster): Promise<void> {
  const member = { id: 'n9', peerUrl: 'sim://n9', zone: 'n9' }
  const began = await cluster.ask('n1', (service) =>
    service.applyChange({ kind: 'join', member }, 5000),
  )
  expect(began).toMatchObject({ change: { joining: 'n9' } })
}

/** Resolves with 'ok' or the error. */
function remove(cluster: VirtualCluster): Promise<string> {
  return cluster.ask('n1', (service) =>
    service.applyChange({ kind: 'remove', node: 'n9' }, 2000).then(
      () => 'ok',
      (error: unknown) => String(error),
    ),
  )
}

async function restart(cluster: VirtualCluster, ...ids: Id[]): Promise<void> {
  for (const id of ids) cluster.node(id).crash('process')
  for (const id of ids) cluster.node(id).start()
  await cluster.until(() => ids.every((id) => cluster.node(id).isUp))
}

function members(cluster: VirtualCluster): unknown {
  return cluster
    .node('n1')
    .service?.topology()
    .members.map(({ id }) => id)
}

test('the join of a node that never comes can be undone in a cluster of one', async () => {
  const cluster = new VirtualCluster('one', ['n1'])
  await cluster.start()
  expect(await cluster.put('n1', 'a', 'before')).toBe('ok')
  await join(cluster)
  expect(await remove(cluster)).toBe('ok')
  expect(members(cluster)).toEqual(['n1'])
  for (const key of KEYS) expect(await cluster.put('n1', key, 'after')).toBe('ok')
  expect(cluster.broken).toEqual([])
})

test('the join of a node that never comes stops neither data nor its undoing while a member is down', () =>
  withCluster('one down', async (cluster) => {
    cluster.node('n3').crash('process')
    await restart(cluster, 'n1', 'n2')
    await cluster.pass(5)
    await join(cluster)
    const ends: string[] = []
    for (const key of KEYS) ends.push(await cluster.put('n2', key, 'meanwhile'))
    // The keys whose next owners include both absent nodes have no majority of these.
    expect(ends.filter((end) => end === 'ok').length).toBeGreaterThan(0)
    expect(await remove(cluster)).toBe('ok')
    expect(members(cluster)).toEqual(['n1', 'n2', 'n3'])
  }))

test('a voter that started after the join says whom it has to hear first', async () => {
  const cluster = new VirtualCluster('restarted', ['n1'])
  await cluster.start()
  await join(cluster)
  await restart(cluster, 'n1')
  expect(await remove(cluster)).toContain(
    'n1 could not vote: since its start it has not heard from a majority of the members n1, n9: start them',
  )
  expect(cluster.broken).toEqual([])
})
