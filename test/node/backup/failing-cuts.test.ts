/** A cut that fails delays clients for a moment at most, and a damaged copy is never left out silently. */
import { expect, it } from 'vitest'
import type { NodeService } from '../../../src/node/service/service.ts'
import { type VirtualCluster, withCluster } from '../virtual-cluster.ts'

const HELD = 'a snapshot of the disk is held for a backup'
const ASKED = {
  buckets: undefined,
  covers: 'all',
  atMs: undefined,
  isGivenUp: () => false,
} as const

/** The number of keys, or the code of the error. */
async function backup(cluster: VirtualCluster, covers: 'all' | 'quorum'): Promise<number | string> {
  return cluster.ask('n1', async (service: NodeService) => {
    const { entries, close } = await service.backup({ ...ASKED, covers, timeoutMs: 5000 })
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
    await cluster.until(() => isOver)
    expect(cluster.logged).not.toContain(HELD)
  }))

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
