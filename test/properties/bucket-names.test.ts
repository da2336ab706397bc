/** Names of buckets: whatever is created and deleted, no name is ever given twice, and each document tells the same. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isDeletedBucket, labelOf, newBucketName } from '../../src/core/placement/bucket-name.ts'
import {
  closeBucket,
  removeBucket,
  removeEmptyBucket,
  reopenBucket,
} from '../../src/core/placement/bucket-steps.ts'
import type { Bucket, Topology } from '../../src/core/placement/topology.ts'
import { checkTopology } from '../../src/core/placement/topology-check.ts'
import { topologyOf } from '../core/placement/change-cluster.ts'

const RUNS = { numRuns: 200, seed: 20_261_130 }

const step = fc.record({
  kind: fc.constantFrom('create', 'force', 'close', 'remove', 'reopen', 'other'),
  label: fc.constantFrom('a', 'b', 'a-b', 'a.b'),
})
type Step = (typeof step extends fc.Arbitrary<infer T> ? T : never) & object

/** The next document; undefined if the step leaves the document as it is. */
function next(topology: Topology, { kind, label }: Step): Topology | undefined {
  const epoch = topology.epoch + 1
  const name = topology.buckets.find((bucket) => labelOf(bucket.name) === label)?.name
  const deletion = topology.deletion ?? { bucket: name ?? '', id: String(epoch) }
  if (kind === 'other') return { ...topology, epoch }
  if (kind === 'reopen') return reopenBucket(topology, deletion)
  if (kind === 'remove') {
    return topology.deletion && removeEmptyBucket(topology, deletion, topology)
  }
  if (kind === 'create') {
    if (name !== undefined) return undefined
    const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
    const bucket: Bucket = { name: newBucketName(topology, label), mode: 'lww', ...common }
    return { ...topology, epoch, buckets: [...topology.buckets, bucket] }
  }
  if (name === undefined) return undefined
  if (kind === 'force') return removeBucket(topology, name)
  return topology.deletion === undefined ? closeBucket(topology, deletion) : undefined
}

it('a name belongs to one bucket for ever, and every document tells whether that bucket is deleted', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const documents = [topologyOf(3)]
      const createdAt = new Map<string, number>()
      for (const one of steps) {
        const before = documents.at(-1) as Topology
        const after = next(before, one)
        if (after === undefined) continue
        checkTopology(after)
        for (const { name } of after.buckets) {
          const isOld = before.buckets.some((bucket) => bucket.name === name)
          if (isOld) continue
          expect(createdAt.has(name), `${name} is given once`).toBe(false)
          createdAt.set(name, documents.length)
        }
        documents.push(after)
      }
      documents.forEach((document, i) => {
        for (const [name, at] of createdAt) {
          const exists = document.buckets.some((bucket) => bucket.name === name)
          expect(isDeletedBucket(document, name)).toBe(at <= i && !exists)
        }
      })
    }),
    RUNS,
  )
})
