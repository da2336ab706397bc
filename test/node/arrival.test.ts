import { expect, it } from 'vitest'
import { IDS, VirtualCluster } from './virtual-cluster.ts'

const isWaiting = (message: string): boolean => message.includes('waiting for a majority')

it('a new node says that it waits only while it does', async () => {
  const cluster = new VirtualCluster('arrival')
  cluster.node('n1').start()
  await cluster.pass(10)
  expect(cluster.node('n1').isUp).toBe(false)
  expect(cluster.logged.filter(isWaiting)).toHaveLength(1)
  await cluster.start()
  await cluster.pass(10)
  expect(cluster.logged.filter(isWaiting)).toHaveLength(1)
  expect(cluster.broken).toEqual([])
})

// n1 has been heard by the others, and is gone before it has asked what they know.
it('a node that starts twice in a moment takes nothing for lost', async () => {
  const cluster = new VirtualCluster('twice')
  await cluster.start()
  await cluster.pass(3)
  for (const id of IDS) cluster.node(id).crash('machine')
  // Beyond the bound of the clocks.
  await cluster.pass(2)
  cluster.node('n1').start()
  await cluster.pass(0.2)
  cluster.node('n2').start()
  cluster.node('n3').start()
  await cluster.pass(0.25)
  cluster.node('n1').crash('machine')
  cluster.node('n1').start()
  await cluster.pass(10)
  expect(cluster.logged.filter((message) => message.includes('not the newest'))).toEqual([])
  expect(IDS.every((id) => cluster.node(id).isUp)).toBe(true)
  expect(cluster.broken).toEqual([])
})
