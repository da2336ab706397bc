import { expect, test } from 'vitest'
import {
  asLabelled,
  FIRST_LABELS,
  isDeletedBucket,
  labelOf,
  newBucketName,
} from '../../../src/core/placement/bucket-name.ts'
import {
  closeBucket,
  deletableBucket,
  removeBucket,
  removeEmptyBucket,
  reopenBucket,
} from '../../../src/core/placement/bucket-steps.ts'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import { checkTopology } from '../../../src/core/placement/topology-check.ts'

const MEMBERS = ['n1', 'n2', 'n3'].map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
const FIRST = firstTopology(MEMBERS)
const DELETION = { bucket: 'carts', id: 'n1@1' }

function withBucket(topology: Topology, label: string, n = 3): Topology {
  const name = newBucketName(topology, label)
  const common = { consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
  const bucket: Bucket = { name, mode: 'lww', n, ...common }
  return { ...topology, epoch: topology.epoch + 1, buckets: [...topology.buckets, bucket] }
}

const CARTS = withBucket(FIRST, 'carts')
const GONE = removeBucket(CARTS, 'carts') as Topology

test('a bucket is named by its label until a first bucket is deleted', () => {
  expect(newBucketName(FIRST, 'carts')).toBe('carts')
  expect(newBucketName(GONE, 'carts')).toBe('carts~4')
  expect(labelOf('carts~4')).toBe('carts')
  const again = withBucket(GONE, 'carts')
  expect(again.buckets.map(asLabelled).map(({ name }) => name)).toContain('carts')
  checkTopology(again)
})

test('a name is given once, however often a label returns', () => {
  const names = new Set<string>()
  let topology = FIRST
  for (let i = 0; i < 20; i++) {
    topology = withBucket(topology, 'carts')
    const { name } = deletableBucket(topology, 'carts')
    expect(names.has(name)).toBe(false)
    names.add(name)
    topology = removeBucket(topology, name) as Topology
  }
  for (const name of names) expect(isDeletedBucket(topology, name)).toBe(true)
})

test('a bucket counts as deleted only where no later document can create it', () => {
  expect(isDeletedBucket(FIRST, 'carts')).toBe(false)
  expect(isDeletedBucket(CARTS, 'carts')).toBe(false)
  expect(isDeletedBucket(GONE, 'carts')).toBe(true)
  expect(isDeletedBucket(GONE, 'carts~4')).toBe(false)
  const again = withBucket(GONE, 'carts')
  expect(isDeletedBucket(again, 'carts~4')).toBe(false)
  expect(isDeletedBucket(again, 'carts')).toBe(true)
})

test('two buckets of one label are no topology', () => {
  const [one] = CARTS.buckets
  const twice = { ...CARTS, buckets: [...CARTS.buckets, { ...(one as Bucket), name: 'carts~9' }] }
  expect(() => checkTopology(twice)).toThrow('same label')
})

test('the buckets of every cluster are not deleted', () => {
  expect(FIRST.buckets.map(({ name }) => name)).toEqual(FIRST_LABELS)
  for (const label of FIRST_LABELS) {
    expect(() => deletableBucket(CARTS, label)).toThrow('cannot be deleted')
  }
  expect(() => deletableBucket(CARTS, 'cart')).toThrow('there is no bucket cart')
})

test('a closed bucket is removed by the deletion that closed it, or opened again', () => {
  const closed = closeBucket(CARTS, DELETION) as Topology
  checkTopology(closed)
  expect(closeBucket(closed, DELETION)).toBeUndefined()
  expect(() => closeBucket(closed, { ...DELETION, id: 'n2@7' })).toThrow('another request')
  const removed = removeEmptyBucket(closed, DELETION, closed) as Topology
  expect(removed.deletion).toBeUndefined()
  expect(isDeletedBucket(removed, 'carts')).toBe(true)
  checkTopology(removed)
  const opened = reopenBucket(closed, DELETION) as Topology
  expect(opened.deletion).toBeUndefined()
  expect(reopenBucket(opened, DELETION)).toBeUndefined()
  expect(() => removeEmptyBucket(opened, DELETION, closed)).toThrow('the bucket was not deleted')
  expect(removeEmptyBucket(removed, DELETION, closed)).toBeUndefined()
})

test('an empty bucket is not removed after its members have changed', () => {
  const closed = closeBucket(CARTS, DELETION) as Topology
  const moved = { ...closed, epoch: closed.epoch + 1, placementVersion: closed.epoch + 1 }
  expect(() => removeEmptyBucket(moved, DELETION, closed)).toThrow('members were changed')
})

test('a forced deletion ends the one that waits for the bucket to be empty', () => {
  const closed = closeBucket(CARTS, DELETION) as Topology
  const removed = removeBucket(closed, 'carts') as Topology
  expect(removed.deletion).toBeUndefined()
  expect(removeBucket(removed, 'carts')).toBeUndefined()
})

test('the last bucket of its replica count is kept while copies are moved', () => {
  const single = withBucket(FIRST, 'single', 1)
  const change = { phase: 'moving' } as Topology['change'] & object
  expect(() => removeBucket({ ...single, change }, 'single')).toThrow('copies are being moved')
  expect(removeBucket({ ...CARTS, change }, 'carts')).toBeDefined()
})

test('a request for a bucket that was deleted does not touch its successor', () => {
  const again = withBucket(GONE, 'carts')
  expect(() => removeBucket(again, 'carts')).toThrow('created again')
  expect(() => closeBucket(again, DELETION)).toThrow('created again')
  expect(() => closeBucket(GONE, DELETION)).toThrow('there is no bucket carts')
})
