import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { TICKS_PER_MS, wallMsOf } from '../../../src/core/causality/hybrid-clock.ts'
import type { Sibling } from '../../../src/core/causality/sibling.ts'
import { hashText } from '../../../src/core/hash/text-hash.ts'
import { partitionOf } from '../../../src/core/placement/data-partition.ts'
import { leafOf } from '../../../src/core/repair/hash-tree.ts'
import { recordOperations, removalOperations } from '../../../src/node/storage/data-index.ts'
import { ABSENT_COPY, type Copy, encodeCopy } from '../../../src/node/wire/object-record.ts'
import { decodeHead, HEAD_FROM_BYTES } from '../../../src/node/storage/record-head.ts'
import {
  type DataName,
  dataKey,
  graveKey,
  hintKey,
  leafKey,
  listKey,
  parseDataKey,
} from '../../../src/node/storage/storage-keys.ts'
import type { DiskOperation } from '../../../src/ports/disk.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const RUNS = { numRuns: 300, seed: 20_261_123 }

/** Timestamps a few ms apart, so that some copies die in the same ms. */
const sibling = fc
  .record({
    actor: fc.nat({ max: 3 }),
    timestamp: fc.integer({ min: 1, max: 5 * TICKS_PER_MS }),
    end: fc.constantFrom('stays' as const, 'expires' as const, 'tombstone' as const),
    expiresInMs: fc.nat({ max: 5 }),
    length: fc.constantFrom(1, 10, 3000, HEAD_FROM_BYTES),
  })
  .map(({ actor, timestamp, end, expiresInMs, length }): Sibling => {
    const isDead = end === 'tombstone'
    return {
      actor: `n${actor}~a`,
      timestamp,
      tombstone: isDead,
      contentType: isDead ? '' : 'text/plain',
      expiresAtMs: end === 'expires' ? wallMsOf(timestamp) + expiresInMs : 0,
      value: new TextEncoder().encode(isDead ? '' : `${timestamp}`.padEnd(length)),
    }
  })

const copies: fc.Arbitrary<Copy> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(ABSENT_COPY) },
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(sibling, { maxLength: 3, minLength: 1, selector: ({ actor }) => actor })
      .map((siblings) => {
        const vector = vectorOf(siblings.map(({ actor, timestamp }) => [actor, timestamp]))
        return encodeCopy(msgpackCodec, { vector, siblings })
      }),
  },
)
const names = fc.record({
  bucket: fc.constantFrom('default', 'b-1'),
  key: fc.constantFrom('a', 'a/b', '/', 'ключ'),
})

function apply(disk: Map<string, Uint8Array>, operations: readonly DiskOperation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') disk.set(operation.key, operation.value)
    else disk.delete(operation.key)
  }
}

/** The storage keys that belong to a copy: the record's, its leaf's, its place in the list, its grave's where it is dead. */
function keysOf(at: { bucket: string; key: string }, { object, record }: Copy): Set<string> {
  const keys = new Set<string>()
  if (record.length === 0) return keys
  const partition = partitionOf(at.bucket, at.key)
  const name = `${at.bucket}/${at.key}`
  keys.add(dataKey(partition, at.bucket, at.key))
  keys.add(leafKey(partition, leafOf(hashText(name)), name))
  keys.add(listKey(name))
  if (object.siblings.some((s) => !s.tombstone && s.expiresAtMs === 0)) return keys
  const deathsMs = object.siblings.map((s) => Math.max(wallMsOf(s.timestamp), s.expiresAtMs))
  keys.add(graveKey(Math.max(...deathsMs), partition, name))
  return keys
}

/** Undefined where the key is not listed; empty where its record has to be read. */
function listedSizes(disk: Map<string, Uint8Array>, storageKey: string): number[] | undefined {
  const place = disk.get(listKey((parseDataKey(storageKey) as DataName).name))
  if (place === undefined || place.length === 0) return place && []
  const [vector, siblings] = msgpackCodec.decode(place) as unknown[]
  return [...decodeHead(vector, siblings).sizes]
}

function sizesIn({ object, record }: Copy): number[] | undefined {
  if (record.length === 0) return undefined
  return record.length > HEAD_FROM_BYTES ? object.siblings.map(({ value }) => value.length) : []
}

const keyOf = ({ bucket, key }: { bucket: string; key: string }): string =>
  dataKey(partitionOf(bucket, key), bucket, key)

describe('index beside the records', () => {
  it('is what follows from the last copy of each key, whatever copies came before', () => {
    const changes = fc.array(fc.record({ at: names, copy: copies }), { maxLength: 30 })
    fc.assert(
      fc.property(changes, (taken) => {
        const disk = new Map<string, Uint8Array>()
        const held = new Map<string, { at: { bucket: string; key: string }; copy: Copy }>()
        for (const { at, copy } of taken) {
          const storageKey = keyOf(at)
          const before = held.get(storageKey)?.copy ?? ABSENT_COPY
          apply(disk, recordOperations(msgpackCodec, storageKey, before, copy))
          held.set(storageKey, { at, copy })
        }
        const expected = new Set(
          [...held.values()].flatMap((kept) => [...keysOf(kept.at, kept.copy)]),
        )
        expect(new Set(disk.keys())).toEqual(expected)
        for (const [storageKey, { copy }] of held) {
          expect(disk.get(storageKey)).toEqual(copy.record.length > 0 ? copy.record : undefined)
          expect(listedSizes(disk, storageKey)).toEqual(sizesIn(copy))
        }
      }),
      RUNS,
    )
  })

  it('is not written again by an overwrite: one operation for one record', () => {
    const value = (timestamp: number): Copy =>
      encodeCopy(msgpackCodec, {
        vector: vectorOf([['n1~a', timestamp]]),
        siblings: [
          {
            actor: 'n1~a',
            timestamp,
            tombstone: false,
            contentType: 'text/plain',
            expiresAtMs: 0,
            value: Uint8Array.of(1),
          },
        ],
      })
    const storageKey = keyOf({ bucket: 'default', key: 'a' })
    const operations = recordOperations(msgpackCodec, storageKey, value(1), value(2))
    expect(operations).toEqual([{ type: 'put', key: storageKey, value: value(2).record }])
  })

  it('is not made for what is kept for another owner', () => {
    fc.assert(
      fc.property(copies, copies, ({ object, record }, after) => {
        const hint = hintKey('n2', 'default', 'a')
        const disk = new Map<string, Uint8Array>()
        apply(disk, recordOperations(msgpackCodec, hint, ABSENT_COPY, { object, record }))
        apply(disk, recordOperations(msgpackCodec, hint, { object, record }, after))
        expect([...disk.keys()]).toEqual(after.record.length > 0 ? [hint] : [])
      }),
      RUNS,
    )
  })

  it('loses the place of a record that cannot be read, and nothing of other keys', () => {
    fc.assert(
      fc.property(copies, copies, (damaged, other) => {
        fc.pre(damaged.record.length > 0)
        const at = { bucket: 'default', key: 'a' }
        const neighbour = { bucket: 'default', key: 'a/b' }
        const disk = new Map<string, Uint8Array>()
        apply(disk, recordOperations(msgpackCodec, keyOf(at), ABSENT_COPY, damaged))
        apply(disk, recordOperations(msgpackCodec, keyOf(neighbour), ABSENT_COPY, other))
        apply(disk, removalOperations(keyOf(at)))
        const left = [...disk.keys()]
        // The grave stays: from when on is only in the record. The collector finds it empty.
        const graves = [...keysOf(at, damaged)].filter((key) => key.startsWith('g/'))
        expect(new Set(left)).toEqual(new Set([...keysOf(neighbour, other), ...graves]))
      }),
      RUNS,
    )
  })
})
