/** A node that is behind does not refuse a change because of its own old document. */
import { expect, test } from 'vitest'
import { QuorateError } from '../../../src/core/errors.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import { VotingCluster, withBucket } from './voting-cluster.ts'

test('a change is refused by the newest document, and only where a majority is in reach', async () => {
  const cluster = new VotingCluster('refused', 5)
  await cluster.startAll()
  const heal = cluster.part(['n4'])
  expect(await cluster.change('n1', 'known')).toBe('ok')
  let refusals = 0
  const change = (current: Topology): Topology | undefined => {
    if (current.buckets.some(({ name }) => name === 'known')) return withBucket(current, 'after')
    refusals++
    throw new QuorateError('change_refused', 'known is missing')
  }
  expect(await cluster.end(cluster.propose('n4', change))).toBe('rejected')
  heal()
  expect(await cluster.end(cluster.propose('n4', change))).toBe('ok')
  expect(refusals).toBe(2)
  expect(await cluster.agreed()).toEqual(expect.arrayContaining(['known', 'after']))
})

test('a refusal decides nothing', async () => {
  const cluster = new VotingCluster('nothing decided', 3)
  await cluster.startAll()
  const { epoch } = cluster.alive('n1').keeper
  const refuse = (): never => {
    throw new QuorateError('change_refused', 'never')
  }
  expect(await cluster.end(cluster.propose('n1', refuse))).toBe('rejected')
  expect(cluster.alive('n1').keeper.epoch).toBe(epoch)
  expect(await cluster.change('n2', 'later')).toBe('ok')
})

test('a refusal completes what was accepted before, and is judged by that', async () => {
  const cluster = new VotingCluster('accepted before', 3)
  await cluster.startAll()
  // n2 accepts the document, and n1 dies before it tells anybody that this has decided it.
  const heal = cluster.part(['n3'])
  const begun = cluster.begin('n1', 'accepted')
  await cluster.until(() => JSON.stringify(cluster.node('n2').voted)?.includes('accepted') === true)
  cluster.node('n1').crash()
  expect(await cluster.end(begun)).toBe('died')
  expect(cluster.alive('n2').keeper.epoch).toBe(1)
  heal()
  const change = (current: Topology): Topology | undefined => {
    if (current.buckets.some(({ name }) => name === 'accepted')) return undefined
    throw new QuorateError('change_refused', 'accepted is missing')
  }
  expect(await cluster.end(cluster.propose('n3', change))).toBe('ok')
  expect(cluster.alive('n3').keeper.epoch).toBe(2)
})
