import { expect, it } from 'vitest'
import { VirtualCluster } from './virtual-cluster.ts'

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
