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

/** A cluster of three with a session key and a token in its document. */
async function founded(): Promise<VotingCluster> {
  const cluster = new VotingCluster('documents without a key', 3)
  await cluster.startAll()
  const secret = { sessionKey: 'ours', tokens: [] }
  const end = await cluster.end(
    cluster.propose('n1', (current) =>
      current.sessionKey === undefined
        ? { ...current, ...secret, epoch: current.epoch + 1 }
        : undefined,
    ),
  )
  expect(end).toBe('ok')
  await cluster.agreed()
  return cluster
}

/** The document as nodes that are no members are shown it. */
function shownOf({ sessionKey: _key, tokens: _tokens, ...shown }: Topology): Topology {
  return shown
}

it('takes a document without the session key only if that document removes it', async () => {
  const cluster = await founded()
  const { keeper } = cluster.alive('n1')
  const adopt = async (changed: Partial<Topology>): Promise<string> => {
    const next = { ...shownOf(keeper.topology), ...changed, epoch: keeper.epoch + 1 }
    let end: string | undefined
    cluster.node('n1').host.run(() => {
      keeper.adopt(encodeTopology(next)).then(
        () => (end = 'taken'),
        (error: unknown) => (end = String(error)),
      )
    })
    await cluster.until(() => end !== undefined)
    return end as string
  }
  expect(await adopt({})).toContain('without the session key')
  expect(keeper.topology.sessionKey).toBe('ours')
  expect(keeper.isWhole()).toBe(true)
  const others = keeper.topology.members.filter(({ id }) => id !== 'n1')
  expect(await adopt({ members: others, voters: ['n2', 'n3'] })).toBe('taken')
  // From now on it tells its peers nothing of the topology.
  expect(keeper.isWhole()).toBe(false)
})

it('no voter accepts a document without the session key, or with another one', async () => {
  const cluster = await founded()
  const before = cluster.alive('n2').keeper.epoch
  for (const change of [shownOf, (current: Topology) => ({ ...current, sessionKey: 'theirs' })]) {
    const end = await cluster.end(
      cluster.propose('n3', (current) => ({ ...change(current), epoch: current.epoch + 1 })),
    )
    expect(end).toBe('rejected')
  }
  expect(await cluster.change('n3', 'after')).toBe('ok')
  await cluster.agreed()
  expect(cluster.alive('n2').keeper).toMatchObject({
    epoch: before + 1,
    topology: { sessionKey: 'ours' },
  })
})
