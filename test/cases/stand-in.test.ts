/**
 * A node that none of a key's owners can be reached from, written to for a long time: what its clients get back stays
 * small, and so does what it keeps for the owners. On virtual time.
 */
import { expect, test } from 'vitest'
import { counterValue } from '../../src/core/causality/counter.ts'
import { elementsOf } from '../../src/core/causality/element-set.ts'
import type { Content } from '../../src/core/causality/sibling.ts'
import type { VersionVector } from '../../src/core/causality/version-vector.ts'
import type { Bucket } from '../../src/core/placement/topology.ts'
import type { TypeChange, WriteAnswer } from '../../src/node/service/service.ts'
import { type Id, VirtualCluster } from '../node/virtual-cluster.ts'

const WRITES = 240
const KEY = 'k'

function bucket(mode: 'siblings' | 'counter' | 'set'): Bucket {
  const common = { consistency: 'eventual', durability: 'sync', ttlSeconds: null } as const
  return { name: `few-${mode}`, mode, n: 1, ...common }
}

const at = (name: string) =>
  ({ bucket: name, key: KEY, level: 'eventual', requestId: 'test' }) as const

/** A cluster of which the node that is given, which does not own the key, has been cut off. */
async function cutOff(made: Bucket): Promise<{
  readonly cluster: VirtualCluster
  readonly owner: Id
  readonly standIn: Id
  readonly heal: () => Promise<void>
}> {
  const cluster = new VirtualCluster(`stand-in for ${made.name}`)
  await cluster.start()
  await cluster.pass(2)
  await cluster.ask('n1', (service) => service.createBucket(made, 2000))
  const ring = await cluster.ask('n1', (service) => service.ring(made.name, KEY))
  if (typeof ring === 'string') throw new Error(ring)
  const [owner, standIn] = ring.preference.map(({ node }) => node as Id) as [Id, Id]
  const undo = cluster.isolate(standIn)
  await cluster.pass(5)
  const heal = async (): Promise<void> => {
    undo()
    await cluster.pass(10)
    expect(hintBytes(cluster, standIn)).toBe(0)
    expect(cluster.broken).toEqual([])
  }
  return { cluster, owner, standIn, heal }
}

function hintBytes(cluster: VirtualCluster, id: Id): number {
  const keys = cluster.keysUnder(id, 'h/')
  return keys.reduce((sum, key) => sum + (cluster.node(id).platter.get(key)?.length ?? 0), 0)
}

const contentOf = (text: string): Content => {
  const value = new TextEncoder().encode(text)
  return { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
}

test.each(['with a context', 'blind'])(
  'values that are written again and again, %s, leave one value and a short history',
  async (way) => {
    const { cluster, owner, standIn, heal } = await cutOff(bucket('siblings'))
    let context: VersionVector | undefined
    for (let i = 1; i <= WRITES; i++) {
      const content = contentOf(`value ${i}`)
      const answer: WriteAnswer | string = await cluster.ask(standIn, (service) =>
        service.put({ ...at('few-siblings'), content, context }),
      )
      if (typeof answer === 'string') throw new Error(`write ${i}: ${answer}`)
      if (way !== 'blind') context = answer.context
      expect(answer.context.size).toBe(1)
    }
    expect(hintBytes(cluster, standIn)).toBeLessThan(500)
    await heal()
    const read = await cluster.ask(owner, (service) => service.get(at('few-siblings')))
    if (typeof read === 'string') throw new Error(read)
    expect(read.siblings.map(({ value }) => new TextDecoder().decode(value))).toEqual([
      `value ${WRITES}`,
    ])
  },
)

test.each([
  ['counter', { type: 'counter', increment: 1 }],
  ['set', { type: 'set', add: ['a'], remove: [] }],
] as const)('a %s that is updated again and again stays small', async (mode, change) => {
  const { cluster, owner, standIn, heal } = await cutOff(bucket(mode))
  const name = `few-${mode}`
  const update = async (id: Id, asked: TypeChange): Promise<void> => {
    const answer = await cluster.ask(id, (service) =>
      service.update({ ...at(name), change: asked }),
    )
    if (typeof answer === 'string') throw new Error(answer)
  }
  // Some at once: none of them waits for another.
  for (let i = 0; i < WRITES; i += 4) {
    await Promise.all([0, 1, 2, 3].map(() => update(standIn, change)))
  }
  expect(hintBytes(cluster, standIn)).toBeLessThan(500)
  await heal()
  await update(owner, change)
  const read = await cluster.ask(owner, (service) => service.get(at(name)))
  if (typeof read === 'string') throw new Error(read)
  if (mode === 'counter') expect(counterValue(read.siblings)).toBe(BigInt(WRITES + 1))
  else expect(elementsOf(read.siblings).length).toBe(1)
})
