/** A list of keys reads what it lists and no more, goes on past deletes, and takes no slow node for a missing one. */
import { expect, it } from 'vitest'
import type { ListAnswer } from '../../../src/node/service/service.ts'
import { IDS, type VirtualCluster, withCluster } from '../virtual-cluster.ts'

function list(
  cluster: VirtualCluster,
  limit: number,
  request: { prefix?: string; after?: string; conflicted?: boolean } = {},
): Promise<ListAnswer | string> {
  return cluster.ask('n1', (service) =>
    service.list({ bucket: 'default', prefix: '', after: '', limit, ...request }),
  )
}

async function putAll(
  cluster: VirtualCluster,
  keys: readonly string[],
  value: string | undefined,
  level: 'quorum' | 'all' = 'quorum',
): Promise<void> {
  for (let i = 0; i < keys.length; i += 50) {
    const some = keys.slice(i, i + 50)
    const ends = await Promise.all(some.map((key) => cluster.put('n1', key, value, level)))
    expect(new Set(ends)).toEqual(new Set(['ok']))
  }
}

/** The bytes that the disks of all nodes read while `run` runs. */
async function bytesRead(cluster: VirtualCluster, run: () => Promise<unknown>): Promise<number> {
  let bytes = 0
  for (const id of IDS) {
    const { platter } = cluster.node(id)
    const get = platter.get.bind(platter)
    const range = platter.range.bind(platter)
    platter.get = (key) => {
      const value = get(key)
      bytes += value?.length ?? 0
      return value
    }
    platter.range = (...place) => {
      const entries = range(...place)
      for (const [, value] of entries) bytes += value.length
      return entries
    }
  }
  await run()
  return bytes
}

it('reads no large value, and tells its size, siblings and dots all the same', async () => {
  await withCluster('large values', async (cluster) => {
    const value = 'x'.repeat(64 * 1024)
    for (let i = 0; i < 40; i++) await cluster.put('n1', `k${i + 10}`, value, 'all')
    // The scrub reads every record, but not in the moment of a list.
    let page: ListAnswer | string = ''
    const bytes = await bytesRead(cluster, async () => {
      page = await list(cluster, 20)
    })
    expect(bytes).toBeLessThan(64 * 1024)
    const { keys, next, missingPartitions } = page as unknown as ListAnswer
    expect(keys.map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, i) => `k${i + 10}`))
    expect(keys.every(({ size, siblings }) => size === value.length && siblings === 1)).toBe(true)
    expect([next, missingPartitions]).toEqual(['k29', []])
    const read = await cluster.ask('n2', (service) =>
      service.get({ bucket: 'default', key: 'k10', level: 'quorum', requestId: 'test' }),
    )
    if (typeof read === 'string') throw new Error(read)
    expect(keys[0]?.dots).toEqual(
      read.siblings.map(({ actor, timestamp }) => ({ actor, timestamp })),
    )
  })
})

it('goes on past deletes until it has found a key', async () => {
  await withCluster('deletes before keys', async (cluster) => {
    const keys = Array.from({ length: 300 }, (_, i) => `a${1000 + i}`)
    await putAll(cluster, [...keys, 'z1', 'z2'], 'value')
    // While a member is away nothing is forgotten.
    cluster.node('n3').crash('process')
    await putAll(cluster, keys, undefined)
    expect(cluster.keysUnder('n1', 'd/').length).toBe(302)
    expect(await list(cluster, 1)).toMatchObject({ keys: [{ key: 'z1' }], next: 'z1' })
    expect(await list(cluster, 10)).toMatchObject({
      keys: [{ key: 'z1' }, { key: 'z2' }],
      next: undefined,
      missingPartitions: [],
    })
  })
})

it('hides by a delete that one owner knows what another still holds', async () => {
  await withCluster('stale copy', async (cluster) => {
    await putAll(cluster, ['a', 'b'], 'value', 'all')
    const heal = cluster.isolate('n3')
    expect(await cluster.put('n1', 'a', undefined, 'quorum')).toBe('ok')
    cluster.node('n2').crash('process')
    heal()
    await cluster.until(() => cluster.keysUnder('n3', 'd/').length === 2)
    expect(await list(cluster, 10)).toMatchObject({ keys: [{ key: 'b' }], missingPartitions: [] })
  })
})

it('fails where owners are slow, and names partitions only where a cut hides them', async () => {
  await withCluster('slow and cut', async (cluster) => {
    await putAll(cluster, ['a', 'b', 'c'], 'value', 'all')
    for (const id of ['n2', 'n3'] as const) cluster.node(id).platter.slowness = 100_000
    expect(await list(cluster, 10)).toBe('deadline_passed')
    for (const id of ['n2', 'n3'] as const) cluster.node(id).platter.slowness = 1
    await cluster.until(() => cluster.node('n2').isUp)
    // One slow owner is not waited for: the two others are a majority.
    await cluster.pass(30)
    cluster.node('n3').platter.slowness = 100_000
    const page = await list(cluster, 10)
    expect(page).toMatchObject({ keys: [{ key: 'a' }, { key: 'b' }, { key: 'c' }] })
    expect(page).toMatchObject({ missingPartitions: [], next: undefined })
    cluster.node('n3').platter.slowness = 1
    const undo = cluster.isolate('n1')
    await cluster.pass(20)
    const torn = await list(cluster, 10)
    if (typeof torn === 'string') throw new Error(torn)
    expect(torn.missingPartitions.length).toBe(128)
    undo()
  })
})

it('refuses lists beyond its bound, and serves those below', async () => {
  await withCluster('many lists', async (cluster) => {
    await putAll(cluster, ['a', 'b', 'c'], 'value', 'all')
    const ended = await Promise.all(Array.from({ length: 90 }, () => list(cluster, 2)))
    const refused = ended.filter((end) => end === 'overloaded')
    expect(refused.length).toBe(90 - 66)
    const served = ended.filter((end) => typeof end !== 'string')
    expect(served.length).toBe(66)
    for (const page of served) expect(page).toMatchObject({ keys: [{ key: 'a' }, { key: 'b' }] })
  })
})

it('claims nothing that a damaged index hides, and lists all once it is made again', async () => {
  await withCluster('damaged key index', async (cluster) => {
    const keys = ['a', 'b', 'c']
    await putAll(cluster, keys, 'value', 'all')
    cluster.node('n3').crash('process')
    await cluster.pass(5)
    for (const id of ['n1', 'n2'] as const) {
      expect(cluster.node(id).platter.rot((key) => key === 'k/default/b')).toBe('k/default/b')
    }
    const first = await list(cluster, 100)
    if (typeof first === 'string') throw new Error(first)
    // The key is missing, and its partition is told.
    expect(first.keys.map(({ key }) => key)).not.toContain('b')
    expect(first.missingPartitions.length).toBeGreaterThan(0)
    await cluster.pass(5)
    const second = await list(cluster, 100)
    if (typeof second === 'string') throw new Error(second)
    expect(second.keys.map(({ key }) => key)).toEqual(keys)
    expect(second.missingPartitions).toEqual([])
  })
})

it('names the partition of a damaged record until it is repaired', async () => {
  await withCluster('damaged records', async (cluster) => {
    const keys = ['a', 'b', 'c']
    await putAll(cluster, keys, 'value', 'all')
    cluster.node('n3').crash('process')
    await cluster.pass(5)
    const isOfB = (key: string): boolean => /^d\/..\/default\/b$/.test(key)
    cluster.node('n1').platter.rot(isOfB)
    const answer = await list(cluster, 100)
    if (typeof answer === 'string') throw new Error(answer)
    // One of three owners tells it: that is no majority.
    expect(answer.keys.map(({ key }) => key)).toEqual(keys)
    const partition = cluster.keysUnder('n1', 'd/').find(isOfB)?.slice(2, 4) ?? ''
    expect(answer.missingPartitions).toEqual([Number.parseInt(partition, 16)])
    cluster.node('n3').start()
    await cluster.until(() => cluster.node('n3').isUp)
    await cluster.pass(20)
    const whole = await list(cluster, 100)
    if (typeof whole === 'string') throw new Error(whole)
    expect(whole.keys.map(({ key }) => key)).toEqual(keys)
    expect(whole.missingPartitions).toEqual([])
  })
})
