/** Entries of the indexes that damage hides: the node finds out, makes the indexes again while it serves, or after a crash. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { INDEXES_MADE, REPAIR_FAILED } from '../../../src/node/storage/index-repair.ts'
import type { ListAnswer } from '../../../src/node/service/service.ts'
import { FORMAT_WITHOUT_INDEX, listKey, metaKey } from '../../../src/node/storage/storage-keys.ts'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { VirtualCluster } from '../virtual-cluster.ts'

const KEYS = Array.from({ length: 150 }, (_, i) => `k${100 + i}`)
const PLACES = KEYS.map((key) => listKey(`default/${key}`))
const DAMAGED = listKey('default/k149')

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('index repair')
  await cluster.start()
  for (const key of KEYS) expect(await cluster.put('n1', key, 'value', 'all')).toBe('ok')
  expect(cluster.keysUnder('n1', 'k/')).toEqual(PLACES)
  expect(platter().rot((key) => key === DAMAGED)).toBe(DAMAGED)
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

const platter = () => cluster.node('n1').platter
const format = () => msgpackCodec.decode(platter().get(metaKey('format')) as Uint8Array)

function list(): Promise<ListAnswer | string> {
  return cluster.ask('n1', (service) =>
    service.list({ bucket: 'default', prefix: '', after: '', limit: 1000 }),
  )
}

it('marks the index as torn before it changes it, so that a crash cannot leave it torn', async () => {
  // Nothing can be written: the mark neither.
  platter().isFull = true
  await list()
  await cluster.pass(2)
  expect(cluster.logged.filter((line) => line === REPAIR_FAILED)).toHaveLength(1)
  expect(cluster.keysUnder('n1', 'k/')).toEqual(PLACES)
  platter().isFull = false
  await cluster.until(() => platter().raw(DAMAGED) === undefined)
  cluster.node('n1').crash('process')
  expect(platter().raw(DAMAGED)).toBeUndefined()
  expect(format()).toBe(FORMAT_WITHOUT_INDEX)
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  expect(cluster.keysUnder('n1', 'k/')).toEqual(PLACES)
  expect(platter().get(DAMAGED)).toHaveLength(0)
})

it('goes on with the repair while the disk fails and the node serves, and lists all keys afterwards', async () => {
  platter().failPercent = 20
  for (let round = 0; round < 10; round++) {
    const page = await list()
    // A list that lacks keys names their partitions, or fails.
    if (typeof page !== 'string' && page.missingPartitions.length === 0) {
      expect(page.keys.map(({ key }) => key)).toEqual(KEYS)
    }
    expect(await cluster.get('n2', 'k149')).toEqual(['value'])
  }
  platter().failPercent = 0
  await cluster.until(() => cluster.logged.includes(INDEXES_MADE))
  expect(cluster.keysUnder('n1', 'k/')).toEqual(PLACES)
  expect(platter().get(DAMAGED)).toHaveLength(0)
})

it('tells nobody of a leaf that damage may hide keys of, until the indexes are made again', async () => {
  const [leaf = ''] = cluster.keysUnder('n1', 'i/').filter((key) => key.endsWith('/default/k149'))
  expect(platter().rot((key) => key === leaf)).toBe(leaf)
  platter().isFull = true
  expect(await cluster.put('n2', 'k149', 'newer')).toBe('ok')
  // The hash trees differ, so the leaf is asked for: first it meets the damage, then the repair.
  for (let round = 0; round < 2; round++) {
    expect(await cluster.convergence('n2')).toMatchObject({ unreachable: ['n1'] })
    await cluster.pass(1)
  }
  platter().isFull = false
  await cluster.converged()
  expect(await cluster.get('n1', 'k149', 'eventual')).toEqual(['newer'])
  expect(platter().get(leaf)).toHaveLength(0)
})

it('counts the keys of a node as missing from a list while it makes its indexes again', async () => {
  cluster.node('n3').crash('process')
  platter().isFull = true
  for (let round = 0; round < 2; round++) {
    const page = await list()
    if (typeof page === 'string') throw new Error(page)
    expect(page.missingPartitions).toHaveLength(128)
    await cluster.pass(5)
  }
  platter().isFull = false
  await cluster.until(() => cluster.logged.includes(INDEXES_MADE))
  const page = await list()
  if (typeof page === 'string') throw new Error(page)
  expect(page.keys.map(({ key }) => key)).toEqual(KEYS)
  expect(page.missingPartitions).toEqual([])
})
