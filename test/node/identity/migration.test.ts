import { afterEach, beforeEach, expect, it } from 'vitest'
import { listKey, metaKey } from '../../../src/node/storage/storage-keys.ts'
import { unframedDirectory } from '../storage/unframed-directory.ts'
import { IDS, VirtualCluster } from '../virtual-cluster.ts'

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('migration')
  await cluster.start()
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

const KEYS = 150

it('a directory of format 1 gets the index that it lacks, and its deletes are collected', async () => {
  for (let i = 0; i < KEYS; i++) await cluster.put('n1', `k${i}`, 'value', 'all')
  for (const id of IDS.slice(1)) cluster.node(id).crash('process')
  // While two are away nothing is forgotten.
  for (let i = 0; i < 10; i++) await cluster.put('n1', `k${i}`, undefined, 'eventual')
  const { platter } = cluster.node('n1')
  const [indexed, graves] = [cluster.keysUnder('n1', 'i/'), cluster.keysUnder('n1', 'g/')]
  expect([indexed.length, graves.length]).toEqual([KEYS, 10])

  cluster.node('n1').crash('machine')
  const old = [...platter.copy()].filter(([key]) => !/^[igk]\//.test(key))
  platter.restore(unframedDirectory(new Map(old), 1))
  cluster.node('n1').start()
  await cluster.until(() => cluster.keysUnder('n1', 'i/').length === KEYS)
  await cluster.until(() => cluster.keysUnder('n1', 'g/').length === graves.length)
  expect(cluster.keysUnder('n1', 'i/')).toEqual(indexed)
  expect(cluster.keysUnder('n1', 'g/')).toEqual(graves)

  for (const id of IDS.slice(1)) cluster.node(id).start()
  await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === KEYS - 10))
  await cluster.converged()
})

it('a directory of format 2 gets its checksums, whenever a crash interrupts that', async () => {
  for (let i = 0; i < KEYS; i++) await cluster.put('n1', `k${i}`, 'value', 'all')
  const n1 = cluster.node('n1')
  n1.crash('machine')
  const directory = n1.platter.copy()
  const ghost: [string, Uint8Array] = [listKey('default/gone'), new Uint8Array(0)]
  n1.platter.restore(new Map([...unframedDirectory(directory, 2), ghost]))
  n1.start()
  // Pages of 64 values, in more than six of them: the crash comes between.
  await cluster.until(() => n1.platter.raw(metaKey('framing')) !== undefined)
  n1.crash('process')
  expect(n1.platter.raw(metaKey('framing'))).toBeDefined()
  n1.start()
  await cluster.until(() => n1.isUp)
  for (const [key, framed] of directory) {
    if (!key.startsWith('m/')) expect(n1.platter.raw(key)).toEqual(framed)
  }
  expect(n1.platter.raw(metaKey('framing'))).toBeUndefined()
  // A key whose record is gone is listed no more.
  expect(n1.platter.raw(ghost[0])).toBeUndefined()
  await cluster.converged()
})

it('a directory of format 2 gets the key index', async () => {
  const large = 'x'.repeat(10_000)
  for (let i = 0; i < KEYS; i++) await cluster.put('n1', `k${i}`, i % 10 ? 'small' : large, 'all')
  const { platter } = cluster.node('n1')
  const listed = cluster.keysUnder('n1', 'k/').map((key) => [key, platter.get(key)])
  expect(listed.length).toBe(KEYS)

  cluster.node('n1').crash('machine')
  const old = [...platter.copy()].filter(([key]) => !key.startsWith('k/'))
  platter.restore(unframedDirectory(new Map(old), 2))
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  expect(cluster.keysUnder('n1', 'k/').map((key) => [key, platter.get(key)])).toEqual(listed)
})
