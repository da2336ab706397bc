import { expect, it } from 'vitest'
import { IDS, VirtualCluster } from '../virtual-cluster.ts'

const isWaiting = (message: string): boolean => message.includes('waiting for a majority')

const isOld = (message: string): boolean => message.includes('not the newest')
const isVoteLost = (message: string): boolean => message.includes('promises of this voter')

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
  expect(cluster.logged.filter(isOld)).toEqual([])
  expect(IDS.every((id) => cluster.node(id).isUp)).toBe(true)
  expect(cluster.broken).toEqual([])
})

it('a node whose directory is gone says so, and that its votes are', async () => {
  const cluster = new VirtualCluster('gone')
  await cluster.start()
  await cluster.pass(3)
  cluster.node('n1').crash('machine')
  cluster.node('n1').platter.wipe()
  cluster.node('n1').start()
  await cluster.pass(10)
  expect(cluster.logged.filter(isOld)).toHaveLength(1)
  // It is lost, and known again.
  expect(cluster.logged.filter(isVoteLost)).toHaveLength(2)
  expect(cluster.broken).toEqual([])
})

it('a node that has known its peers serves alone, however often it was started meanwhile', async () => {
  const cluster = new VirtualCluster('alone')
  await cluster.start()
  await cluster.pass(5)
  for (const id of IDS) cluster.node(id).crash('machine')
  await cluster.pass(2)
  for (let i = 0; i < 3; i++) {
    cluster.node('n1').crash('machine')
    cluster.node('n1').start()
    await cluster.pass(2)
  }
  await cluster.pass(10)
  expect(cluster.node('n1').isUp).toBe(true)
  expect(cluster.broken).toEqual([])
})

// Its own copies are being filled, and the nodes that it reached first keep none of the keys.
it('a node whose directory is gone does not take a key for absent before it has reached the owners', async () => {
  const cluster = new VirtualCluster('owners', ['n1', 'n2', 'n3', 'n4', 'n5'])
  await cluster.start()
  await cluster.pass(3)
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
  for (const key of keys) expect(await cluster.put('n2', key, 'v', 'all')).toBe('ok')
  cluster.node('n1').crash('machine')
  cluster.node('n1').platter.wipe()
  await cluster.pass(5)
  const late = (['n4', 'n5'] as const).flatMap((id) => [
    cluster.wires.cut('n1', id, 'reset'),
    cluster.wires.cut(id, 'n1', 'reset'),
  ])
  cluster.node('n1').start()
  await cluster.pass(0.9)
  for (const key of keys) expect(await cluster.get('n1', key, 'eventual')).not.toEqual([])
  for (const cut of late) cut.undo()
  await cluster.until(() => cluster.node('n1').isUp)
  for (const key of keys) expect(await cluster.get('n1', key, 'eventual')).toEqual(['v'])
  expect(cluster.broken).toEqual([])
})
