/**
 * Trees over a simulated disk whose records are changed behind their back, as a failing disk does; what the
 * disk holds is listed by the same code as when copies are compared.
 */
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { hashText } from '../../../src/core/hash/text-hash.ts'
import { partitionOf } from '../../../src/core/placement/data-partition.ts'
import { leafOf, NO_HASH, TREE_DEPTH } from '../../../src/core/repair/hash-tree.ts'
import { recordOperations } from '../../../src/node/storage/data-index.ts'
import { HashForest } from '../../../src/node/repair/hash-forest.ts'
import { LeafListing } from '../../../src/node/repair/leaf-listing.ts'
import type { TreePlace } from '../../../src/node/wire/asks/repair-asks.ts'
import { ABSENT_COPY, type Copy, encodeCopy } from '../../../src/node/wire/object-record.ts'
import { dataKey } from '../../../src/node/storage/storage-keys.ts'
import { TREE_MENDED, TreeDoubts } from '../../../src/node/repair/tree-doubts.ts'
import type { Log } from '../../../src/ports/log.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { contentOf } from '../../properties/replica-runs.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const COPIES = 3
const BUCKET = 'default'

function copyAt(timestamp: number): Copy {
  return encodeCopy(msgpackCodec, {
    vector: vectorOf([['n1~a', timestamp]]),
    siblings: [{ ...contentOf(`v${timestamp}`), actor: 'n1~a', timestamp }],
  })
}

const placeOf = (key: string): TreePlace => ({
  partition: partitionOf(BUCKET, key),
  index: leafOf(hashText(`${BUCKET}/${key}`)),
})

async function world() {
  const schedule = new Schedule()
  const random = new SeededRandom('doubts')
  const host = new Host('n1', 0, schedule)
  const platter = new Platter(random)
  const disk = new VirtualDisk(platter, host, random)
  const ports = { disk, codec: msgpackCodec, timers: host.timers() }
  const copiesOf = (bucket: string) => (bucket === BUCKET ? COPIES : undefined)
  const forest = new HashForest(ports, copiesOf)
  const leaves = new LeafListing(ports, { copiesOf, replaceVanished: () => Promise.resolve() })
  const mended: unknown[] = []
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: ({ partition }, message) => {
      if (message === TREE_MENDED) mended.push(partition)
    },
    error: () => undefined,
  }
  const doubts = new TreeDoubts(forest, log)
  /** Lets virtual time pass until `promise` has ended. */
  const ended = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false
    const watched = promise.finally(() => {
      isOver = true
    })
    await runSchedule(schedule, 60_000_000, () => isOver)
    return watched
  }
  const built = () => runSchedule(schedule, schedule.nowUs + 60_000_000, () => forest.isBuilt)
  const storageKeyOf = (key: string) => dataKey(placeOf(key).partition, BUCKET, key)
  const write = async (key: string, before: Copy, after: Copy): Promise<void> => {
    const operations = recordOperations(msgpackCodec, storageKeyOf(key), before, after)
    await ended(disk.write(operations, { sync: true }))
  }
  const leafOfTree = (key: string) => {
    const { partition, index } = placeOf(key)
    return forest.node(COPIES, partition, TREE_DEPTH, index)
  }
  forest.start()
  await built()
  return {
    forest,
    platter,
    mended,
    built,
    leafOfTree,
    /** As a node does it: the trees are told. */
    store: async (key: string, before: Copy, after: Copy): Promise<void> => {
      await write(key, before, after)
      forest.stored(storageKeyOf(key), before, after)
    },
    /** As nothing but a broken disk does it. */
    slip: write,
    look: async (...keys: readonly string[]): Promise<void> => {
      const places = keys.map(placeOf)
      doubts.look(COPIES, places, await ended(leaves.list(COPIES, places)))
    },
  }
}

describe('doubts about a hash tree', () => {
  it('do not arise where it tells what is on the disk', async () => {
    const { store, look, mended } = await world()
    await store('a', ABSENT_COPY, copyAt(1))
    for (let i = 0; i < 3; i++) await look('a', 'b')
    await store('a', copyAt(1), ABSENT_COPY)
    for (let i = 0; i < 3; i++) await look('a', 'b')
    expect(mended).toEqual([])
  })

  it('are certain when the same mismatch is seen twice: then the tree is built anew', async () => {
    const { store, slip, look, mended, forest, built, leafOfTree } = await world()
    await store('a', ABSENT_COPY, copyAt(1))
    await slip('a', copyAt(1), copyAt(2))
    const wrong = leafOfTree('a')
    await look('a')
    expect(mended).toEqual([])
    expect(forest.isBuilt).toBe(true)
    expect(leafOfTree('a')).toEqual(wrong)
    await look('a')
    expect(mended).toEqual([placeOf('a').partition])
    await built()
    expect(leafOfTree('a')).not.toEqual(wrong)
    for (let i = 0; i < 3; i++) await look('a')
    expect(mended).toHaveLength(1)
  })

  it.each([
    ['record that has appeared', ABSENT_COPY, copyAt(1)],
    ['record that has gone', copyAt(1), ABSENT_COPY],
  ])('find a %s', async (_, before, after) => {
    const { store, slip, look, mended, built, leafOfTree } = await world()
    if (before !== ABSENT_COPY) await store('a', ABSENT_COPY, before)
    await slip('a', before, after)
    await look('a')
    await look('a')
    expect(mended).toHaveLength(1)
    await built()
    expect(leafOfTree('a').low === NO_HASH.low).toBe(after === ABSENT_COPY)
  })

  it('are dropped when the next look finds nothing wrong: a write was on its way', async () => {
    const { slip, look, mended } = await world()
    await slip('a', ABSENT_COPY, copyAt(1))
    await look('a')
    await slip('a', copyAt(1), ABSENT_COPY)
    await look('a')
    await slip('a', ABSENT_COPY, copyAt(1))
    await look('a')
    expect(mended).toEqual([])
  })

  it('begin anew with another mismatch', async () => {
    const { slip, look, mended } = await world()
    await slip('a', ABSENT_COPY, copyAt(1))
    await look('a')
    await slip('a', copyAt(1), copyAt(2))
    await look('a')
    expect(mended).toEqual([])
    await look('a')
    expect(mended).toHaveLength(1)
  })

  it('are those of each leaf, not of all together', async () => {
    const { slip, look, mended } = await world()
    for (const key of ['a', 'b']) await slip(key, ABSENT_COPY, copyAt(1))
    expect(placeOf('a')).not.toEqual(placeOf('b'))
    await look('a')
    await look('b')
    expect(mended).toEqual([])
    await look('b')
    expect(mended).toEqual([placeOf('b').partition])
  })

  it('do not arise from a listing that is not whole', async () => {
    const { store, platter, look, mended } = await world()
    await store('a', ABSENT_COPY, copyAt(1))
    expect(platter.rot((key) => key.startsWith('d/'))).toBeDefined()
    for (let i = 0; i < 3; i++) await look('a')
    expect(mended).toEqual([])
  })

  it('stay as they were while a listing is not whole', async () => {
    const { slip, platter, look, mended } = await world()
    await slip('a', ABSENT_COPY, copyAt(1))
    await look('a')
    const backup = platter.copy()
    platter.rot((key) => key.startsWith('d/'))
    await look('a')
    expect(mended).toEqual([])
    platter.restore(backup)
    await look('a')
    expect(mended).toHaveLength(1)
  })
})
