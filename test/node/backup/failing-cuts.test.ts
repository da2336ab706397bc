/** A cut that fails delays clients for a moment at most, and a damaged copy is never left out silently. */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { timestampOf } from '../../../src/core/causality/hybrid-clock.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'
import { preferenceList } from '../../../src/core/placement/preference-list.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import type { NodeService } from '../../../src/node/service/service.ts'
import { frame } from '../../../src/node/storage/record-frame.ts'
import { hintKey, metaKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeCopy } from '../../../src/node/wire/object-record.ts'
import { VirtualCluster, withCluster } from '../virtual-cluster.ts'

const HELD = 'a snapshot of the disk is held for a backup'
const ASKED = {
  buckets: undefined,
  covers: 'all',
  atMs: undefined,
  isGivenUp: () => false,
} as const

/** The number of keys, or the code of the error. */
async function backup(
  cluster: VirtualCluster,
  covers: 'all' | 'quorum',
  atMs?: number,
): Promise<number | string> {
  return cluster.ask('n1', async (service: NodeService) => {
    const { entries, close } = await service.backup({ ...ASKED, covers, atMs, timeoutMs: 5000 })
    let keys = 0
    try {
      for await (const _ of entries) keys++
    } finally {
      close()
    }
    return keys
  })
}

it('backup: whoever makes it is cut off at the cut, and the others answer again within a second', () =>
  withCluster('cut off', async (cluster) => {
    await cluster.put('n1', 'k', 'old')
    let end: string | undefined
    cluster.node('n1').call(
      (service) => service.backup({ ...ASKED, timeoutMs: 3000 }),
      ({ type }) => {
        end = type
      },
    )
    await cluster.until(() => cluster.logged.includes(HELD))
    const heal = cluster.isolate('n1')
    const startUs = cluster.schedule.nowUs
    expect(await cluster.put('n2', 'k', 'new')).toBe('ok')
    expect(cluster.schedule.nowUs - startUs).toBeLessThan(2_500_000)
    expect(cluster.logged).toContain('a backup was given up: its cut took too long')
    await cluster.until(() => end !== undefined)
    expect(end).toBe('failed')
    heal()
    await cluster.pass(5)
    expect(await backup(cluster, 'all')).toBe(1)
  }))

it('backup: no client waits for a cut that not every member can take', () =>
  withCluster('silent member', async (cluster) => {
    cluster.isolate('n3')
    await cluster.pass(5)
    cluster.logged.length = 0
    let isOver = false
    cluster.node('n1').call(
      (service) => service.backup({ ...ASKED, timeoutMs: 5000 }),
      () => {
        isOver = true
      },
    )
    // n2 holds by then, and n1 still waits for n3. So n2 hears neither that all hold, nor that the cut has failed.
    await cluster.pass(0.1)
    cluster.isolate('n1')
    await cluster.until(() => isOver)
    expect(cluster.logged).not.toContain(HELD)
  }))

it('backup: fails in time, although the clock of its node was set back', async () => {
  const cluster = new VirtualCluster('set back', ['n1'])
  await cluster.start()
  await cluster.pass(2)
  cluster.node('n1').host.jump(-60_000)
  const startUs = cluster.schedule.nowUs
  expect(await backup(cluster, 'all')).toBe('quorum_unreachable')
  expect(cluster.schedule.nowUs - startUs).toBeLessThan(8_000_000)
})

it('backup: fails while a copy is damaged, has it repaired, and does with a majority of whole copies', () =>
  withCluster('damaged copy', async (cluster) => {
    for (let i = 0; i < 20; i++) await cluster.put('n1', `k${i}`, 'value')
    await cluster.converged()
    const { platter } = cluster.node('n2')
    expect(platter.rot((key) => key.startsWith('d/'))).toBeDefined()
    expect(await backup(cluster, 'all')).toBe('quorum_unreachable')
    await cluster.pass(1)
    expect(await backup(cluster, 'all')).toBe(20)
    expect(platter.rot((key) => key.startsWith('d/'))).toBeDefined()
    expect(await backup(cluster, 'quorum')).toBe(20)
  }))

/** A cluster of five, with a key of three copies that n3 owns, and that n4 and n5 do not own. */
async function withFallbacks(name: string): Promise<{ cluster: VirtualCluster; key: string }> {
  const cluster = new VirtualCluster(name, ['n1', 'n2', 'n3', 'n4', 'n5'])
  await cluster.start()
  await cluster.pass(2)
  const topology = cluster.node('n1').service?.topology() as Topology
  const bucket = topology.buckets.find((known) => known.name === 'default') as Bucket
  const owned = (key: string): string =>
    preferenceList(topology, bucket, key).owners.toSorted().join()
  const key = Array.from({ length: 1000 }, (_, i) => `k${i}`).find(
    (some) => owned(some) === 'n1,n2,n3',
  )
  return { cluster, key: key as string }
}

it('backup: a damaged hint counts only where it may be the only copy of a covered write', async () => {
  const { cluster, key } = await withFallbacks('damaged hint')
  await cluster.put('n1', key, 'old')
  const atMs = cluster.node('n1').host.wallMs()
  await cluster.pass(20)
  const heal = cluster.isolate('n3')
  await cluster.pass(5)
  expect(await cluster.put('n1', key, 'new', 'eventual')).toBe('ok')
  await cluster.pass(1)
  const holder =
    (['n4', 'n5'] as const).find((id) => cluster.keysUnder(id, 'h/n3/').length > 0) ?? 'n4'
  expect(cluster.node(holder).platter.rot((name) => name.startsWith('h/n3/'))).toBeDefined()
  expect(await backup(cluster, 'quorum')).toBe(1)
  expect(await backup(cluster, 'all', atMs)).toBe(1)
  const cuts = [cluster.wires.cut(holder, 'n3', 'mute'), cluster.wires.cut('n3', holder, 'mute')]
  heal()
  await cluster.pass(3)
  expect(await backup(cluster, 'all')).toBe('quorum_unreachable')
  // The hint is dropped when it would be delivered.
  for (const cut of cuts) cut.undo()
  await cluster.pass(5)
  expect(await backup(cluster, 'all')).toBe(1)
  expect(cluster.broken).toEqual([])
})

it('backup: an old value in a hint does not return, although its node has no horizon yet', async () => {
  const { cluster, key } = await withFallbacks('young coordinator')
  const valueAt = (text: string, wallMs: number) => ({
    actor: 'n9~1',
    timestamp: timestampOf(wallMs),
    value: new TextEncoder().encode(text),
    contentType: '',
    tombstone: false,
    expiresAtMs: 0,
  })
  const old = valueAt('old', cluster.node('n1').host.wallMs())
  await cluster.put('n1', 'other', 'value')
  await cluster.pass(20)
  const now = valueAt('new', cluster.node('n1').host.wallMs())
  cluster.isolate('n3')
  await cluster.pass(3)
  const vector = vectorOf([['n9~1', now.timestamp]])
  const { record } = encodeCopy(msgpackCodec, { vector, siblings: [old, now] })
  const hint = hintKey('n3', 'default', key)
  const change = (id: 'n4' | 'n5', edit: (files: Map<string, Uint8Array>) => unknown): void => {
    const { platter } = cluster.node(id)
    cluster.node(id).crash('process')
    const files = new Map(platter.copy())
    edit(files)
    platter.restore(files)
    cluster.node(id).start()
  }
  change('n4', (files) => files.set(hint, frame(hint, record)))
  const horizon = metaKey('horizon')
  change('n5', (files) => files.set(horizon, frame(horizon, msgpackCodec.encode(0))))
  await cluster.until(() => cluster.node('n4').isUp && cluster.node('n5').isUp)
  await cluster.pass(3)
  const values = await cluster.ask('n5', async (service: NodeService) => {
    const asked = { ...ASKED, covers: 'quorum', timeoutMs: 5000 } as const
    const { entries, close } = await service.backup(asked)
    const found: string[] = []
    for await (const entry of entries) {
      if (entry.key !== key) continue
      for (const { value } of entry.values) found.push(new TextDecoder().decode(value))
    }
    close()
    return found
  })
  expect(values).toEqual(['new'])
  expect(cluster.broken).toEqual([])
})
