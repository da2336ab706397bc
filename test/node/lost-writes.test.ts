import { afterEach, beforeEach, expect, it } from 'vitest'
import { IDS, VirtualCluster } from './virtual-cluster.ts'

const KEYS = Array.from({ length: 30 }, (_, i) => `k${i}`)
const isLostKey = (key: string): boolean => /\/default\/k[0-9]$/.test(key)

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('lost writes')
  await cluster.start()
  for (const key of KEYS) expect(await cluster.put('n1', key, 'value', 'all')).toBe('ok')
  // The horizon passes them: what is not held from then on is history.
  await cluster.pass(30)
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

async function allAreThere(): Promise<void> {
  // The copies of the others have all been taken over by then.
  await cluster.pass(20)
  await cluster.converged()
  for (const id of IDS) {
    expect(cluster.keysUnder(id, 'd/')).toHaveLength(KEYS.length)
    expect(cluster.keysUnder(id, 'i/')).toHaveLength(KEYS.length)
  }
  for (const key of KEYS)
    expect([key, await cluster.get('n2', key, 'all')]).toEqual([key, ['value']])
}

it('what a damaged log lacks comes back from the others, and is not taken for deleted', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.lose((key) => /^[dig]\//.test(key) && isLostKey(key))
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  expect(await cluster.get('n2', 'k3', 'eventual')).toEqual(['value'])
  await allAreThere()
})

it('a record that lost its place in the index with a damaged log is listed again', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.lose((key) => key.startsWith('i/') && isLostKey(key))
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  await allAreThere()
})

it('a record that vanishes from a disk is repaired, and not taken for deleted', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.restore(
    new Map([...platter.copy()].filter(([key]) => !(key.startsWith('d/') && isLostKey(key)))),
  )
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  await allAreThere()
})
