/** Which decided documents a node takes over. */
import { expect, it } from 'vitest'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { encodeTopology } from '../../../src/node/topology/topology-document.ts'
import { VotingCluster } from './voting-cluster.ts'

it('takes no id of a cluster with another session key, before its own cluster has an id', async () => {
  const cluster = new VotingCluster('session keys', 3)
  await cluster.startAll()
  const node = cluster.node('n1')
  const { keeper } = cluster.alive('n1')
  const adopt = async (changed: Partial<Topology>): Promise<string> => {
    const next = { ...keeper.topology, ...changed, epoch: keeper.epoch + 1 }
    let end: string | undefined
    node.host.run(() => {
      keeper.adopt(encodeTopology(next)).then(
        () => (end = 'taken'),
        (error: unknown) => (end = String(error)),
      )
    })
    await cluster.until(() => end !== undefined)
    return end as string
  }
  // As an older version left it: sessions have a key, and the cluster has no id.
  expect(await adopt({ sessionKey: 'ours' })).toBe('taken')
  expect(await adopt({ sessionKey: 'theirs', identity: 'id of theirs' })).toContain(
    'another cluster',
  )
  expect(keeper.topology.identity).toBeUndefined()
  expect(await adopt({ sessionKey: 'ours', identity: 'id of ours' })).toBe('taken')
  expect(keeper.cluster.id).toBe('id of ours')
})
