/** What a fallback makes of counters whose owners it does not reach: a rejection means never, an acknowledgement means for good. */
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { counterValue, incrementCounter } from '../../../src/core/causality/counter.ts'
import { merge } from '../../../src/core/causality/stored-object.ts'
import { nameOfKey } from '../../../src/core/causality/update-name.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { encodeCopy } from '../../../src/node/wire/object-record.ts'
import { StandInMinting } from '../../../src/node/write/stand-in-minting.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const made: Bucket = {
  name: 'few',
  mode: 'counter',
  n: 1,
  consistency: 'eventual',
  durability: 'sync',
  ttlSeconds: null,
}
const at = (key = 'k') =>
  ({ bucket: 'few', key, level: 'eventual', requestId: 'test', timeoutMs: 500 }) as const
const inc = { type: 'counter', increment: 1 } as const

async function setup() {
  const cluster = new VirtualCluster('stand-ins')
  await cluster.start()
  await cluster.pass(2)
  await cluster.ask('n1', (s) => s.createBucket(made, 2000))
  const ring = await cluster.ask('n1', (s) => s.ring('few', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const [owner, standIn, third] = ring.preference.map(({ node }) => node as Id) as [Id, Id, Id]
  return { cluster, owner, standIn, third }
}

test('a rejected increment of a stand-in whose disk stalled is not counted', async () => {
  const { cluster, owner, standIn } = await setup()
  const undo = cluster.isolate(standIn)
  await cluster.pass(5)
  cluster.node(standIn).platter.stall()
  await cluster.pass(6)
  const outcomes: string[] = []
  for (let i = 0; i < 3; i++) {
    let ended: unknown
    cluster.node(standIn).call(
      (s) => s.update({ ...at(), change: inc }),
      (end) => {
        ended = end.type === 'failed' ? end.error : end
      },
    )
    await cluster.until(() => ended !== undefined)
    outcomes.push(
      ended instanceof QuorateError
        ? `${ended.code} ${ended.kind.outcome} ${ended.message}`
        : JSON.stringify(ended),
    )
  }
  cluster.node(standIn).platter.answerAgain()
  await cluster.pass(2)
  const answer = await cluster.ask(standIn, (s) => s.update({ ...at(), change: inc }))
  expect(typeof answer).toBe('object')
  undo()
  await cluster.pass(10)
  const read = await cluster.ask(owner, (s) => s.get(at()))
  if (typeof read === 'string') throw new Error(read)
  const unknowns = outcomes.filter((o) => !o.includes('rejected')).length
  expect(Number(counterValue(read.siblings))).toBeLessThanOrEqual(1 + unknowns)
})

interface Asked {
  readonly key?: string
  readonly idempotencyKey?: string
}

/** The minting of a node that owns no key, for increments by 1. Those of the key `full` cannot be made. */
function incrementApart(): (asked: Asked) => ReturnType<StandInMinting['mint']> {
  let now = 1_000_000_000_000
  const folding = { nodeId: 'n4', settled: 0, foldsForAll: false }
  const minting = new StandInMinting(msgpackCodec, {
    timestamps: async (count) => Array.from({ length: count }, () => ++now),
    actor: () => 'n4~x',
    mayKeep: () => true,
    make: (placed, held, dots, { idempotencyKey, fingerprint }) => {
      if (placed.at.key.startsWith('full')) throw new Error('the counter is at its limit')
      const isNamed = idempotencyKey !== undefined
      const name = isNamed ? nameOfKey(idempotencyKey, fingerprint) : undefined
      const next = incrementCounter(held, dots, 1, folding, name)
      if (next === undefined) throw new Error('the counter is at its limit')
      return encodeCopy(msgpackCodec, next)
    },
  })
  const begin = () => ({ release() {}, hold() {} }) as never
  return ({ key = 'k', idempotencyKey }) => {
    const placed = {
      at: { bucket: made, key, partition: 0 },
      placementVersion: 1,
      owners: ['n1'],
    } as never
    const request = { ...at(key), change: inc, idempotencyKey, fingerprint: 'f' } as never
    return minting.mint(placed, request, begin, () => undefined)
  }
}

const rejected = (): QuorateError => new QuorateError('quorum_unreachable', 'no copy was stored')

test('a repeat that was stored survives the rejection of the first request', async () => {
  const ask = incrementApart()
  await ask({ idempotencyKey: 'z' })
  const first = await ask({ idempotencyKey: 'a' })
  const repeat = await ask({ idempotencyKey: 'a' })
  expect(first.errorFor?.(rejected())).toMatchObject({ kind: { outcome: 'unknown' } })
  const other = await ask({ idempotencyKey: 'b' })
  const merged = merge('siblings', repeat.copy.object, other.copy.object)
  expect(counterValue(merged.siblings)).toBe(3n)
})

test('writes that are not made, or are taken back, do not take the room of other stand-ins', async () => {
  const ask = incrementApart()
  const first = await ask({})
  const ids = Array.from({ length: 4200 }, (_, i) => i)
  const refused = await Promise.allSettled(ids.map((i) => ask({ key: `full${i}` })))
  expect(refused.filter(({ status }) => status === 'fulfilled')).toEqual([])
  for (const i of ids) {
    const taken = await ask({ key: `rejected${i}` })
    taken.errorFor?.(rejected())
  }
  const next = await ask({})
  expect(next.dot.actor).toBe(first.dot.actor)
})

test('a write does not carry an earlier one that ended unknown', async () => {
  const ask = incrementApart()
  const first = await ask({ idempotencyKey: 'a' })
  first.errorFor?.(new QuorateError('outcome_unknown', 'a copy may have been stored'))
  const next = await ask({ idempotencyKey: 'b' })
  expect(next.dot.actor).not.toBe(first.dot.actor)
  expect(counterValue(next.copy.object.siblings)).toBe(1n)
})

test('an increment after an acknowledged delete does not bring back what was deleted', async () => {
  const { cluster, owner, standIn, third } = await setup()
  let other = ''
  for (let i = 0; other === ''; i++) {
    const ring = await cluster.ask('n1', (s) => s.ring('few', `o${i}`))
    if (typeof ring !== 'string' && ring.preference[0]?.node === third) other = `o${i}`
  }
  cluster.node(third).crash('process')
  let undo = cluster.isolate(standIn)
  await cluster.pass(5)
  // A hint that cannot be delivered keeps the horizon of the stand-in from moving on.
  await cluster.ask(standIn, (s) => s.update({ ...at(other), change: inc }))
  await cluster.pass(1)
  for (let i = 0; i < 5; i++)
    expect(typeof (await cluster.ask(standIn, (s) => s.update({ ...at(), change: inc })))).toBe(
      'object',
    )
  undo()
  await cluster.pass(30)
  const before = await cluster.ask(owner, (s) => s.get(at()))
  if (typeof before === 'string') throw new Error(before)
  expect(counterValue(before.siblings)).toBe(5n)
  const content = { value: new Uint8Array(0), contentType: '', tombstone: true, expiresAtMs: 0 }
  const deleted = await cluster.ask(standIn, (s) => s.put({ ...at(), content, context: undefined }))
  expect(typeof deleted).toBe('object')
  await cluster.pass(30)
  const after = await cluster.ask(owner, (s) => s.get(at()))
  if (typeof after === 'string') throw new Error(after)
  expect(counterValue(after.siblings)).toBe(0n)
  undo = cluster.isolate(standIn)
  await cluster.pass(5)
  expect(typeof (await cluster.ask(standIn, (s) => s.update({ ...at(), change: inc })))).toBe(
    'object',
  )
  undo()
  await cluster.pass(10)
  const read = await cluster.ask(owner, (s) => s.get(at()))
  if (typeof read === 'string') throw new Error(read)
  expect(counterValue(read.siblings)).toBe(1n)
})
