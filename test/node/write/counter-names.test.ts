/** A counter on virtual time whose increments are repeated under their idempotency keys, through whatever node. */
import { beforeEach, afterEach, expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { counterValue } from '../../../src/core/causality/counter.ts'
import { timestampOf } from '../../../src/core/causality/hybrid-clock.ts'
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import type { Sibling } from '../../../src/core/causality/sibling.ts'
import {
  contentTypeOf,
  countNames,
  nameOfKey,
  NAMES_MAX,
} from '../../../src/core/causality/update-name.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import type { PlainLevel } from '../../../src/core/quorum/level.ts'
import { recordOperations } from '../../../src/node/storage/data-index.ts'
import { ABSENT_COPY, encodeCopy } from '../../../src/node/wire/object-record.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import type { WriteAnswer } from '../../../src/node/service/service.ts'
import { dataKey } from '../../../src/node/storage/storage-keys.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const BUCKET: Bucket = {
  name: 'counts',
  mode: 'counter',
  n: 3,
  consistency: 'quorum',
  durability: 'sync',
  ttlSeconds: null,
}
const PAIR: Bucket = { ...BUCKET, name: 'pair', n: 2 }
const NO_VALUE = { value: new Uint8Array(0), contentType: '', tombstone: true, expiresAtMs: 0 }

interface Asked {
  readonly by?: number
  readonly level?: PlainLevel
  readonly bucket?: string
}

let cluster: VirtualCluster

beforeEach(async () => {
  cluster = new VirtualCluster('names of updates')
  await cluster.start()
  await cluster.pass(2)
  for (const bucket of [BUCKET, PAIR]) {
    await cluster.ask('n1', (service) => service.createBucket(bucket, 2000))
  }
  await cluster.pass(2)
})

afterEach(() => expect(cluster.broken).toEqual([]))

const at = (bucket = 'counts', level: PlainLevel = 'quorum') =>
  ({ bucket, key: 'k', level, requestId: 'test' }) as const

async function increment(id: Id, idempotencyKey: string, asked: Asked = {}): Promise<string> {
  const { by = 1, level, bucket } = asked
  const change = { type: 'counter', increment: by } as const
  const answer = await cluster.ask(id, (service) =>
    service.update({ ...at(bucket, level), change, idempotencyKey, fingerprint: `by${by}` }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

const remove = (id: Id, idempotencyKey?: string): Promise<WriteAnswer | string> =>
  cluster.ask(id, (service) =>
    service.put({ ...at(), content: NO_VALUE, idempotencyKey, fingerprint: 'delete' }),
  )

async function read(id: Id, bucket?: string): Promise<{ value: bigint; names: number } | string> {
  const answer = await cluster.ask(id, (service) => service.get(at(bucket, 'all')))
  if (typeof answer === 'string') return answer
  return { value: counterValue(answer.siblings), names: countNames(answer.object.siblings) }
}

const valueOf = async (id: Id, bucket?: string): Promise<bigint | string> => {
  const answer = await read(id, bucket)
  return typeof answer === 'string' ? answer : answer.value
}

test('an increment that is repeated through every node counts once, and another one under its key is refused', async () => {
  for (const id of IDS) expect(await increment(id, 'a')).toBe('ok')
  for (const id of IDS) expect(await increment(id, 'a', { by: 2 })).toBe('idempotency_key_reused')
  expect(await increment('n2', 'b', { by: 2 })).toBe('ok')
  for (const id of IDS) expect(await valueOf(id)).toBe(3n)
})

test('an increment that is repeated on the other side of a cut, and after a crash, counts once', async () => {
  const heal = cluster.isolate('n1')
  await cluster.pass(5)
  expect(await increment('n1', 'a', { level: 'eventual' })).toBe('ok')
  expect(await increment('n2', 'a', { level: 'eventual' })).toBe('ok')
  expect(await increment('n3', 'a')).toBe('ok')
  await cluster.pass(30)
  expect(await increment('n1', 'a', { level: 'eventual' })).toBe('ok')
  for (const id of ['n1', 'n2'] as const) {
    cluster.node(id).crash('process')
    cluster.node(id).start()
    await cluster.until(() => cluster.node(id).isUp)
  }
  heal()
  await cluster.pass(10)
  for (const id of IDS) expect(await increment(id, 'a')).toBe('ok')
  for (const id of IDS) expect(await valueOf(id)).toBe(1n)
})

test('an increment that a stand-in has counted, too, counts once', async () => {
  const ring = await cluster.ask('n1', (service) => service.ring('pair', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const [first, , standIn] = ring.preference.map(({ node }) => node as Id) as [Id, Id, Id]
  const heal = cluster.isolate(standIn)
  await cluster.pass(5)
  for (const key of ['a', 'a', 'b']) {
    expect(await increment(standIn, key, { level: 'eventual', bucket: 'pair' })).toBe('ok')
  }
  expect(await increment(first, 'a', { bucket: 'pair' })).toBe('ok')
  heal()
  await cluster.pass(10)
  expect(await valueOf(first, 'pair')).toBe(2n)
})

test('a delete keeps the keys of what it deletes, and its own', async () => {
  expect(await increment('n1', 'a', { by: 5 })).toBe('ok')
  expect(await remove('n2', 'gone')).toMatchObject({ existed: true })
  expect(await increment('n3', 'a', { by: 5 })).toBe('ok')
  expect(await valueOf('n1')).toBe(0n)
  expect(await increment('n3', 'b')).toBe('ok')
  expect(await remove('n1', 'gone')).toMatchObject({ existed: true, siblings: [] })
  expect(await increment('n2', 'gone')).toBe('idempotency_key_reused')
  expect(await valueOf('n1')).toBe(1n)
  expect(await remove('n3')).toMatchObject({ existed: true })
  // Long after the tombstone is settled.
  await cluster.pass(60)
  for (const id of IDS) {
    expect(await increment(id, 'a', { by: 5 })).toBe('ok')
    expect(await increment(id, 'b')).toBe('ok')
    expect(await remove(id, 'gone')).toMatchObject({ existed: true })
  }
  expect(await valueOf('n2')).toBe(0n)
})

test('a delete takes the repeats with it that were counted across a cut', async () => {
  const heal = cluster.isolate('n1')
  await cluster.pass(5)
  expect(await increment('n1', 'a', { level: 'eventual' })).toBe('ok')
  expect(await increment('n2', 'a')).toBe('ok')
  expect(await remove('n3')).toMatchObject({ existed: true })
  heal()
  await cluster.pass(10)
  for (const id of IDS) {
    const answer = await cluster.ask(id, (service) => service.get(at(undefined, 'all')))
    expect(answer).toMatchObject({ siblings: [], deleted: true })
  }
  expect(await increment('n2', 'b')).toBe('ok')
  expect(await increment('n1', 'a')).toBe('ok')
  for (const id of IDS) expect(await valueOf(id)).toBe(1n)
})

/** Puts a copy of the counter on the disk of every node, as if it had been counted. */
async function restore(object: StoredObject): Promise<void> {
  const ring = await cluster.ask('n1', (service) => service.ring('counts', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const storageKey = dataKey(ring.partition, 'counts', 'k')
  const copy = encodeCopy(msgpackCodec, object)
  const operations = recordOperations(msgpackCodec, storageKey, ABSENT_COPY, copy)
  for (const id of IDS) {
    const node = cluster.node(id)
    node.crash('process')
    const directory = new Map(node.platter.copy())
    for (const operation of operations) {
      if (operation.type === 'put')
        directory.set(operation.key, frame(operation.key, operation.value))
    }
    node.platter.restore(directory)
    node.start()
  }
  await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
  await cluster.pass(5)
}

test('a counter takes so many keys, refuses more, and takes them again when the first are past', async () => {
  const nowTicks = timestampOf(cluster.node('n1').host.wallMs())
  const siblings = Array.from({ length: NAMES_MAX }, (_, i): Sibling => {
    const contentType = contentTypeOf(nameOfKey(`key ${i}`, undefined))
    const dot = { actor: 'n1~before', timestamp: nowTicks - NAMES_MAX + i }
    const value = new TextEncoder().encode('1')
    return { ...dot, value, contentType, tombstone: false, expiresAtMs: 0 }
  })
  await restore({ vector: vectorOf([['n1~before', nowTicks]]), siblings })
  for (const id of IDS) {
    expect(await increment(id, 'one more')).toBe('overloaded')
    expect(await increment(id, 'key 0')).toBe('ok')
  }
  await cluster.pass(620)
  // Through any node: the first owner makes room.
  for (const id of IDS) expect(await increment(id, `more of ${id}`)).toBe('ok')
  expect(await read('n1')).toEqual({ value: BigInt(NAMES_MAX + 3), names: 3 })
  await cluster.converged()
})

test('a counter of which only a repeat of a deleted increment is left is not listed', async () => {
  const heal = cluster.isolate('n1')
  await cluster.pass(5)
  expect(await increment('n2', 'a')).toBe('ok')
  expect(await remove('n2')).toMatchObject({ existed: true })
  expect(await increment('n1', 'a', { level: 'eventual' })).toBe('ok')
  const listed = () =>
    cluster.ask('n3', (service) =>
      service.list({ bucket: 'counts', prefix: '', after: '', limit: 10 }),
    )
  heal()
  // As soon as all can be asked: their copies still differ. Then again when they are equal.
  await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length > 0))
  expect(await listed()).toMatchObject({ keys: [] })
  await cluster.converged()
  expect(await read('n2')).toMatchObject({ value: 0n, names: 1 })
  expect(await listed()).toMatchObject({ keys: [], missingPartitions: [] })
  expect(await increment('n3', 'b', { by: 5 })).toBe('ok')
  expect(await listed()).toMatchObject({ keys: [{ key: 'k', siblings: 1 }] })
})

test('a delete that has not seen an increment leaves it, rather than forget that it was counted', async () => {
  const heal = cluster.isolate('n1')
  await cluster.pass(5)
  expect(await increment('n2', 'a')).toBe('ok')
  heal()
  // Before the increment has come to n1, and without a read of the others.
  const removeUnread = (): Promise<WriteAnswer | string> =>
    cluster.ask('n1', (service) => service.put({ ...at(), r: 1, w: 3, content: NO_VALUE }))
  let removed = await removeUnread()
  while (removed === 'quorum_unreachable') {
    await cluster.pass(0.01)
    removed = await removeUnread()
  }
  expect(removed).toMatchObject({ existed: true })
  const before = await valueOf('n2')
  for (const id of IDS) expect(await increment(id, 'a')).toBe('ok')
  expect(await valueOf('n3')).toBe(before)
})
